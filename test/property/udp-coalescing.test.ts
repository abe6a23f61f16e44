/** Joining packets: what is written, cut again by the oracle, is what arrived, flow by flow and in order. */
import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { checksumOf, hex, set16 } from "../../bench/packets/bytes.ts";
import { headerBytes, isV4, networkBytes, oneHopLater } from "../../bench/packets/packets.ts";
import { runs } from "../support/property-runs.ts";
import { LaneBench, type Received } from "../support/udp-oracle/lane-bench.ts";
import { segment } from "../support/udp-oracle/segment.ts";
import { type Change, change, streamOf, streamShape } from "../support/udp-oracle/streams.ts";
import { REMOTE_A, REMOTE_A6, VIEW } from "../support/udp-oracle/topology.ts";

let bench: LaneBench;
beforeAll(async () => {
  bench = await LaneBench.create(VIEW);
});

/** As datagrams of their own, or as the kernel merges them: equal sizes, the last perhaps shorter. */
function received(packets: readonly Uint8Array[], isMerged: boolean): Received[] {
  const datagrams: Received[] = [];
  let group: Uint8Array[] = [];
  let bytes = 0;
  const flush = () => {
    const [first] = group;
    if (first === undefined) return;
    const from = isV4(first) ? REMOTE_A : REMOTE_A6;
    datagrams.push({
      from,
      bytes: Buffer.concat(group),
      ...(group.length > 1 ? { groSize: first.length } : {}),
    });
    group = [];
    bytes = 0;
  };
  for (const packet of packets) {
    const first = group[0];
    if (
      first !== undefined &&
      (!isMerged || packet.length > first.length || group.length === 64 || bytes + packet.length > 65_507)
    )
      flush();
    group.push(packet);
    bytes += packet.length;
    if (packet.length < (group[0]?.length ?? 0)) flush();
  }
  flush();
  return datagrams;
}

function flowOf(packet: Uint8Array): string {
  const network = networkBytes(packet);
  return hex(packet.subarray(network, network + 4));
}

/** Ids mean nothing with DF: where the sender keeps them constant, a super-packet counts them up. */
function withoutId(packet: Uint8Array): Uint8Array {
  if (!isV4(packet)) return packet;
  const blank = packet.slice();
  set16(blank, 4, 0);
  set16(blank, 10, 0);
  set16(blank, 10, checksumOf(blank.subarray(0, 20)));
  return blank;
}

function byFlow(
  packets: readonly Uint8Array[],
  map: (packet: Uint8Array) => Uint8Array,
): Record<string, string[]> {
  const flows: Record<string, string[]> = {};
  for (const packet of packets) {
    const flow = flowOf(packet);
    flows[flow] = [...(flows[flow] ?? []), hex(map(packet))];
  }
  return flows;
}

test("cutting what was joined gives back what arrived", () => {
  fc.assert(
    fc.property(
      streamShape,
      fc.array(change, { minLength: 1, maxLength: 150 }),
      fc.boolean(),
      (shape, changes, isMerged) => {
        const packets = streamOf(shape, changes);
        const { writes } = bench.ingress(received(packets, isMerged));
        const cut = writes.flatMap(({ virtio, packet }) => segment(virtio, packet));
        const map = shape.idStep === 0 ? withoutId : (packet: Uint8Array) => packet;
        expect(byFlow(cut, map)).toEqual(byFlow(packets.map(oneHopLater), map));
      },
    ),
    runs(400),
  );
});

test("a steady stream is joined as far as it may be", () => {
  fc.assert(
    fc.property(streamShape, fc.integer({ min: 2, max: 150 }), fc.boolean(), (shape, count, isMerged) => {
      const isAtomic = shape.family === "v6" || shape.dontFragment;
      const steady = shape.idStep === 0 && !isAtomic ? { ...shape, idStep: 1 as const } : shape;
      const packets = streamOf(steady, new Array<Change>(count).fill("none"));
      const header = headerBytes(packets[0] ?? new Uint8Array(0));
      const most = Math.min(shape.protocol === "tcp" ? 128 : 64, Math.floor((65_535 - header) / shape.size));
      // A batch holds 64 messages, and nothing is joined across batches.
      const batches = isMerged
        ? [count]
        : [...new Array<number>(Math.floor(count / 64)).fill(64), count % 64];
      const wanted = batches.reduce((sum, batch) => sum + Math.ceil(batch / most), 0);
      expect(bench.ingress(received(packets, isMerged)).writes).toHaveLength(wanted);
    }),
    runs(200),
  );
});

describe("never joined across", () => {
  const changes: readonly Change[] = [
    "gap",
    "repeat",
    "longer",
    "fin",
    "cwr",
    "acknowledgement",
    "window",
    "options",
    "tos",
    "ttl",
    "id",
    "checksum",
    "fragment",
    "empty",
  ];
  const shape = {
    protocol: "tcp",
    family: "v4",
    size: 1000,
    dontFragment: false,
    idStep: 1,
    sequence: 9,
    options: new Uint8Array(0),
  } as const;

  test.each(changes)("%s", (what) => {
    const packets = streamOf(shape, ["none", "none", what, "none", "none"]);
    const { writes } = bench.ingress(received(packets, false));
    expect(writes[0]?.virtio.gsoSize).toBe(1000);
    expect(segment(writes[0]?.virtio ?? expect.fail(), writes[0]?.packet ?? expect.fail())).toHaveLength(2);
  });

  test.each(["push", "shorter"] as const)("%s ends a run with that packet", (what) => {
    const packets = streamOf(shape, ["none", what, "none", "none"]);
    const { writes } = bench.ingress(received(packets, false));
    expect(writes.map(({ virtio, packet }) => segment(virtio, packet).length)).toEqual([2, 2]);
  });

  test("another flow, whose packets lie between", () => {
    const packets = streamOf(shape, ["none", "other-flow", "none", "other-flow", "none"]);
    const { writes } = bench.ingress(received(packets, false));
    const lengths = writes.map(({ virtio, packet }) => segment(virtio, packet).map(flowOf));
    expect(lengths[0]).toHaveLength(3);
    expect(lengths.every((flows) => new Set(flows).size === 1)).toBe(true);
  });
});
