/** UDP to TUN, one rule at a time. */
import { beforeEach, describe, expect, test } from "vitest";
import { concat } from "../../../bench/packets/bytes.ts";
import {
  type IpFields,
  ipPacket,
  oneHopLater,
  TCP,
  tcpPacket,
  udpPacket,
} from "../../../bench/packets/packets.ts";
import { GSO, PLAIN } from "../../../bench/packets/super-packets.ts";
import { parseIpv4, parseIpv6 } from "../../../src/net/index.ts";
import { LaneBench, NO_OFFLOADS } from "../../support/udp-oracle/lane-bench.ts";
import { patterned } from "../../support/udp-oracle/streams.ts";
import {
  POD_A4,
  POD_A6,
  POD_B4,
  POD4,
  POD6,
  REMOTE_A,
  REMOTE_A6,
  REMOTE_B,
  VIEW,
} from "../../support/udp-oracle/topology.ts";

let bench: LaneBench;
beforeEach(async () => {
  bench = await LaneBench.create(VIEW);
});

const FROM_A: IpFields = { source: POD_A4, destination: POD4 };
const PORTS = { sourcePort: 1000, destinationPort: 2000 };

function datagram(ip: IpFields, length = 100, seed = 1): Uint8Array {
  return udpPacket(ip, PORTS, patterned(length, seed));
}

function segments(count: number, size = 1000): Uint8Array[] {
  return Array.from({ length: count }, (_, index) =>
    tcpPacket({ ...FROM_A, id: index }, { ...PORTS, sequence: index * size }, patterned(size, index)),
  );
}

function droppedAs(): string | null {
  const drops = Object.entries(bench.counters("ingress")).filter(
    ([name, n]) => name.startsWith("drop-") && n > 0n,
  );
  expect(drops.length).toBeLessThanOrEqual(1);
  return drops[0]?.[0] ?? null;
}

describe("delivery", () => {
  test("a packet from a peer is written one hop later", () => {
    const bytes = datagram(FROM_A);
    expect(bench.ingress([{ from: REMOTE_A, bytes }]).writes).toEqual([
      { virtio: PLAIN, packet: oneHopLater(bytes) },
    ]);
  });

  test("IPv6 from the peer's IPv6 address, and not through its IPv4 address", () => {
    const bytes = datagram({ source: POD_A6, destination: POD6 });
    const written = (from: typeof REMOTE_A6 | typeof REMOTE_A) => bench.ingress([{ from, bytes }]).writes;
    expect(written(REMOTE_A6)).toEqual([{ virtio: PLAIN, packet: oneHopLater(bytes) }]);
    expect(written(REMOTE_A)).toEqual([]);
  });

  test("datagrams that the kernel merged are told apart, the last one shorter", () => {
    bench.setOffloads(NO_OFFLOADS);
    const packets = [
      datagram(FROM_A, 100, 1),
      datagram({ ...FROM_A, source: parseIpv4("10.244.2.10") }, 100, 2),
      datagram(FROM_A, 40, 3),
    ];
    const { writes } = bench.ingress([{ from: REMOTE_A, bytes: concat(...packets), groSize: 128 }]);
    expect(writes.map((write) => write.packet)).toEqual(packets.map(oneHopLater));
    expect(bench.counters("ingress").packets).toBe(3n);
  });

  test("options, fragments and extension headers pass as they are and are not joined", () => {
    const option = { ...FROM_A, options: new Uint8Array(4).fill(1) };
    const extensions = { first: 60, bytes: Uint8Array.of(17, 0, 1, 4, 0, 0, 0, 0) };
    const packets = [
      datagram(option, 100, 1),
      datagram({ ...option, id: 1 }, 100, 2),
      ipPacket({ ...FROM_A, dontFragment: false, moreFragments: true }, 17, patterned(64, 3)),
      ipPacket({ ...FROM_A, dontFragment: false, fragmentOffset: 8 }, 17, patterned(48, 4)),
      datagram({ source: POD_A6, destination: POD6, extensions }, 100, 5),
      datagram({ source: POD_A6, destination: POD6, extensions }, 100, 6),
    ];
    const arrived = packets.map((bytes, index) => ({ from: index < 4 ? REMOTE_A : REMOTE_A6, bytes }));
    const { writes } = bench.ingress(arrived);
    expect(writes.map((write) => write.packet)).toEqual(packets.map(oneHopLater));
  });
});

describe("joining", () => {
  test("segments of one TCP flow become one write behind one header", () => {
    const packets = segments(10);
    const [write, ...others] = bench.ingress([
      { from: REMOTE_A, bytes: concat(...packets), groSize: 1040 },
    ]).writes;
    expect(others).toEqual([]);
    expect(write?.virtio).toEqual({
      flags: 1,
      gsoType: GSO.tcp4,
      headerLength: 40,
      gsoSize: 1000,
      csumStart: 20,
      csumOffset: 16,
    });
    expect(write?.packet).toHaveLength(10_040);
  });

  test("equal datagrams of one UDP flow become one write", () => {
    const packets = Array.from({ length: 5 }, (_, id) => datagram({ ...FROM_A, id }, 64, id));
    const { writes } = bench.ingress(packets.map((bytes) => ({ from: REMOTE_A, bytes })));
    expect(writes.map((write) => write.virtio)).toEqual([
      { flags: 1, gsoType: GSO.udp, headerLength: 28, gsoSize: 64, csumStart: 20, csumOffset: 6 },
    ]);
  });

  test("a pure acknowledgement ends its flow's run but not another's", () => {
    const [a, b] = segments(2);
    const ack = tcpPacket(FROM_A, { ...PORTS, sequence: 1000 }, new Uint8Array(0));
    const other = tcpPacket(FROM_A, { ...PORTS, sourcePort: 9, sequence: 1000 }, new Uint8Array(0));
    const send = (packets: (Uint8Array | undefined)[]) =>
      bench.ingress(packets.map((bytes) => ({ from: REMOTE_A, bytes: bytes ?? expect.fail() }))).writes
        .length;
    expect(send([a, other, b])).toBe(2);
    expect(send([a, ack, b])).toBe(3);
  });

  test("datagrams without a checksum stay alone", () => {
    const packets = [1, 2].map((id) => {
      const packet = datagram({ ...FROM_A, id }, 64, id);
      packet.fill(0, 26, 28);
      return packet;
    });
    expect(bench.ingress(packets.map((bytes) => ({ from: REMOTE_A, bytes }))).writes).toHaveLength(2);
  });

  test("without offloads every packet is a write", () => {
    bench.setOffloads(NO_OFFLOADS);
    const packets = segments(5);
    const { writes } = bench.ingress(packets.map((bytes) => ({ from: REMOTE_A, bytes })));
    expect(writes).toEqual(packets.map((packet) => ({ virtio: PLAIN, packet: oneHopLater(packet) })));
  });

  test("a write that the kernel refused is taken apart again", () => {
    const packets = segments(4);
    packets[3] = tcpPacket(
      { ...FROM_A, id: 3 },
      { ...PORTS, sequence: 3000, flags: TCP.ack | TCP.psh },
      patterned(10, 3),
    );
    let apart: Uint8Array[] = [];
    bench.onPass = (lane) => {
      const count = lane.unjoinWrite(0);
      apart = Array.from(
        { length: count },
        (_, index) => bench.readWrite(1, lane.unjoinedAddress(index), 2).packet,
      );
    };
    bench.ingress(packets.map((bytes) => ({ from: REMOTE_A, bytes })));
    expect(apart).toEqual(packets.map(oneHopLater));
    bench.ingress([{ from: REMOTE_A, bytes: datagram(FROM_A) }]);
    expect(apart).toEqual([]);
  });
});

describe("drops", () => {
  test.each([
    ["drop-unknown-peer", { ip: parseIpv4("192.168.0.9"), port: 8285 }, datagram(FROM_A)],
    ["drop-unknown-peer", { ip: REMOTE_A.ip, port: 8286 }, datagram(FROM_A)],
    ["drop-unknown-peer", { ip: parseIpv6("2001:db8::9"), port: 8285 }, datagram(FROM_A)],
    ["drop-foreign-source", REMOTE_B, datagram(FROM_A)],
    ["drop-foreign-source", REMOTE_A, datagram({ ...FROM_A, source: POD_B4 })],
    ["drop-foreign-source", REMOTE_A, datagram({ ...FROM_A, source: POD4 })],
    ["drop-foreign-source", REMOTE_A, datagram({ ...FROM_A, source: REMOTE_A.ip })],
    ["drop-foreign-source", REMOTE_B, datagram({ source: POD_A6, destination: POD6 })],
    ["drop-foreign-destination", REMOTE_A, datagram({ ...FROM_A, destination: POD_B4 })],
    ["drop-foreign-destination", REMOTE_A, datagram({ ...FROM_A, destination: parseIpv4("8.8.8.8") })],
    ["drop-multicast", REMOTE_A, datagram({ ...FROM_A, destination: parseIpv4("239.1.1.1") })],
    ["drop-ttl", REMOTE_A, datagram({ ...FROM_A, ttl: 1 })],
    ["drop-runt", REMOTE_A, new Uint8Array(0)],
    ["drop-runt", REMOTE_A, new Uint8Array(19)],
    ["drop-version", REMOTE_A, new Uint8Array(40)],
    ["drop-truncated", REMOTE_A, datagram(FROM_A).subarray(0, 50)],
  ])("%s", (reason, from, bytes) => {
    expect(bench.ingress([{ from, bytes }]).writes).toEqual([]);
    expect(droppedAs()).toBe(reason);
    expect(bench.counters("ingress").packets).toBe(1n);
  });

  test("what the kernel cut short", () => {
    expect(bench.ingress([{ from: REMOTE_A, bytes: datagram(FROM_A), isCut: true }]).writes).toEqual([]);
    expect(droppedAs()).toBe("drop-truncated");
  });

  test("every merged datagram of an unknown sender counts", () => {
    const packets = segments(7, 100);
    bench.ingress([{ from: { ip: REMOTE_A.ip, port: 1 }, bytes: concat(...packets), groSize: 140 }]);
    expect(bench.counters("ingress")["drop-unknown-peer"]).toBe(7n);
    expect(bench.counters("ingress").packets).toBe(7n);
  });
});
