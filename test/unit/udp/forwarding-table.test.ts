import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { describe, expect, test } from "vitest";
import { MESSAGES4_COUNT_AT, PIN_BYTES, PINS_AT, READS_AT } from "../../../backends/udp/assembly/layout.ts";
import type { ForwardingView, TunnelPeer } from "../../../backends/udp/forwarding-table.ts";
import { udpPacket } from "../../../bench/packets/packets.ts";
import {
  type Ip,
  type Ipv4,
  ipv4FromBits,
  parseIpv4,
  parseIpv6,
  parsePrefix,
  prefixOf,
} from "../../../src/net/index.ts";
import { systemClock } from "../../../src/runtime/clock.ts";
import { LaneBench } from "../../support/udp-oracle/lane-bench.ts";
import {
  POD_A4,
  POD_A6,
  POD4,
  POD6,
  REMOTE_A,
  REMOTE_A6,
  REMOTE_B,
  VIEW,
} from "../../support/udp-oracle/topology.ts";

const REMOTE_AUTHOR6 = { ip: parseIpv6("2001:db8::9"), port: 8285, mtuBytes: 1452 };

const MANY = 5000;

/** Peers as a large cluster has them: 100.64.0.0/24 and on, at 172.16.0.0 and on. */
function manyPeers(count: number, remoteBase = 0xac100000): TunnelPeer[] {
  return Array.from({ length: count }, (_, index) => ({
    paths: [
      {
        subnet: prefixOf(ipv4FromBits(0x64400000 + index * 256), 24),
        remote: { ip: ipv4FromBits(remoteBase + index), port: 8285, mtuBytes: 1472 },
      },
    ],
  }));
}

function podOf(index: number): Ipv4 {
  return ipv4FromBits(0x64400000 + index * 256 + 9);
}

function sendTo(bench: LaneBench, destination: Ip): Ip | null {
  const packet = udpPacket(
    { source: POD4, destination },
    { sourcePort: 1, destinationPort: 2 },
    new Uint8Array(8),
  );
  return bench.egress([{ packet }]).messages[0]?.to.ip ?? null;
}

test("5,000 peers are all found, by destination and by sender", async () => {
  const bench = await LaneBench.create({ ...VIEW, peers: manyPeers(MANY) }, MANY);
  for (let index = 0; index < MANY; index += 37) {
    expect(sendTo(bench, podOf(index))).toBe(ipv4FromBits(0xac100000 + index));
    const from = { ip: ipv4FromBits(0xac100000 + index), port: 8285 };
    const bytes = udpPacket(
      { source: podOf(index), destination: POD4 },
      { sourcePort: 1, destinationPort: 2 },
      new Uint8Array(8),
    );
    expect(bench.ingress([{ from, bytes }]).writes).toHaveLength(1);
  }
  expect(sendTo(bench, podOf(MANY))).toBeNull();
});

test("replacing all 5,000 peers between batches loses no packet", async () => {
  const old = { ...VIEW, peers: manyPeers(MANY) };
  const bench = await LaneBench.create(old, MANY);
  for (let round = 0; round < 6; round++) {
    const base = round % 2 === 0 ? 0xac200000 : 0xac100000;
    expect(bench.table.tryPublish({ ...old, peers: manyPeers(MANY, base) })).toBe(true);
    expect(sendTo(bench, podOf(4321))).toBe(ipv4FromBits(base + 4321));
  }
  expect(bench.counters("egress")["drop-no-route"]).toBe(0n);
});

/** Forwards one packet over and over, in a thread of its own, until told to stop; then says how often it failed. */
const FORWARDER = `
  const { workerData, parentPort } = require("node:worker_threads");
  const { module, memory, lane, start, tableBytes, reads, counts, stop } = workerData;
  const { exports } = new WebAssembly.Instance(module, { env: { memory } });
  exports.bind(lane, start, tableBytes, 0x10000n);
  const words = new Uint32Array(memory.buffer);
  const bytes = new Uint8Array(memory.buffer);
  const original = bytes.slice(words[reads / 4], words[reads / 4] + words[reads / 4 + 1]);
  let passes = 0;
  let lost = 0;
  while (Atomics.load(new Int32Array(stop), 0) === 0) {
    bytes.set(original, words[reads / 4]);
    exports.egressBegin(1);
    exports.egressPass(0);
    passes++;
    if (words[counts / 4] !== 1) lost++;
    if (passes === 1000) parentPort.postMessage("running");
  }
  parentPort.postMessage({ passes, lost });
`;

test("replacing all 5,000 peers while a lane forwards loses no packet", async () => {
  const view = { ...VIEW, peers: manyPeers(MANY) };
  const bench = await LaneBench.create(view, MANY);
  const { module, memory, lanes, table } = bench.shared;
  const start = lanes[0]?.start ?? expect.fail();
  // The bench leaves its packet and its description in the lane; the thread forwards it from there.
  sendTo(bench, podOf(4321));
  const words = new Uint32Array(memory.buffer);
  const packetAt = words[(start + READS_AT) / 4] ?? expect.fail();
  const packet = udpPacket(
    { source: POD4, destination: podOf(4321) },
    { sourcePort: 1, destinationPort: 2 },
    new Uint8Array(8),
  );
  new Uint8Array(memory.buffer).set(packet, packetAt + 10);

  const stop = new SharedArrayBuffer(4);
  const worker = new Worker(FORWARDER, {
    eval: true,
    workerData: {
      module,
      memory,
      lane: 0,
      start,
      tableBytes: table.bytes,
      reads: start + READS_AT,
      counts: start + MESSAGES4_COUNT_AT,
      stop,
    },
  });
  try {
    await once(worker, "message");
    for (let round = 0; round < 10; round++) await bench.table.publish(view, systemClock);
    Atomics.store(new Int32Array(stop), 0, 1);
    const [result] = await once(worker, "message");
    expect(result.lost).toBe(0);
    expect(result.passes).toBeGreaterThan(1000);
  } finally {
    await worker.terminate();
  }
});

describe("a lane that is reading", () => {
  const empty: ForwardingView = { ...VIEW, peers: [] };
  const pinOf = (bench: LaneBench) => new Uint32Array(bench.shared.memory.buffer, PINS_AT + PIN_BYTES, 1);

  test("keeps its table: the builder waits until it is done", async () => {
    const bench = await LaneBench.create(VIEW);
    const pin = pinOf(bench);
    // The first table filled was number 1; the next to be filled is 0.
    Atomics.store(pin, 0, 1);
    expect(bench.table.tryPublish(empty)).toBe(false);
    expect(sendTo(bench, POD_A4)).toBe(REMOTE_A.ip);
    const published = bench.table.publish(empty, systemClock);
    Atomics.store(pin, 0, 0);
    await published;
    expect(sendTo(bench, POD_A4)).toBeNull();
  });

  test("does not hold up a builder that is told to stop", async () => {
    const bench = await LaneBench.create(VIEW);
    Atomics.store(pinOf(bench), 0, 1);
    const stop = new AbortController();
    const published = bench.table.publish(empty, systemClock, stop.signal);
    stop.abort(new Error("told to stop"));
    await expect(published).rejects.toThrow("told to stop");
  });

  test("pins nothing between batches", async () => {
    const bench = await LaneBench.create(VIEW);
    sendTo(bench, POD_A4);
    expect([...new Uint32Array(bench.shared.memory.buffer, PINS_AT, 64)].every((word) => word === 0)).toBe(
      true,
    );
  });
});

test("a node without subnets forwards nothing", async () => {
  const bench = await LaneBench.create({ ...VIEW, subnets: { v4: null, v6: null }, hosts: [], peers: [] });
  expect(sendTo(bench, POD_A4)).toBeNull();
  expect(bench.counters("egress")["drop-foreign-source"]).toBe(1n);
});

test("peers behind one address are one peer", async () => {
  const shared: TunnelPeer[] = ["10.244.2.0/24", "10.244.3.0/24"].map((text) => ({
    paths: [{ subnet: parsePrefix(text), remote: REMOTE_B }],
  }));
  const bench = await LaneBench.create({ ...VIEW, peers: shared });
  expect(sendTo(bench, POD_A4)).toBe(REMOTE_B.ip);
  for (const source of ["10.244.2.1", "10.244.3.1"]) {
    const ip = { source: parseIpv4(source), destination: POD4 };
    const bytes = udpPacket(ip, { sourcePort: 1, destinationPort: 2 }, new Uint8Array(8));
    expect(bench.ingress([{ from: REMOTE_B, bytes }]).writes).toHaveLength(1);
  }
});

test("who publishes another peer's address in one family may not send for it in the other", async () => {
  const author: TunnelPeer = {
    paths: [
      { subnet: parsePrefix("10.244.9.0/24"), remote: REMOTE_A },
      { subnet: parsePrefix("fd00:9::/64"), remote: REMOTE_AUTHOR6 },
    ],
  };
  const bench = await LaneBench.create({ ...VIEW, peers: [...VIEW.peers, author] });
  for (const source of [POD_A4, POD_A6]) {
    const ip = { source, destination: source === POD_A4 ? POD4 : POD6 };
    const bytes = udpPacket(ip, { sourcePort: 1, destinationPort: 2 }, new Uint8Array(8));
    expect(bench.ingress([{ from: REMOTE_AUTHOR6, bytes }]).writes).toEqual([]);
    const from = source === POD_A4 ? REMOTE_A : REMOTE_A6;
    expect(bench.ingress([{ from, bytes }]).writes).toHaveLength(1);
  }
});

describe("a peer that sends from another address than it publishes", () => {
  const LAN = parseIpv4("192.168.7.7");
  const behindNat = (subnet: string, ip: string): TunnelPeer => ({
    paths: [{ subnet: parsePrefix(subnet), remote: { ...REMOTE_A, ip: parseIpv4(ip), source: LAN } }],
  });
  const from = (bench: LaneBench, outer: string, inner: string, port = 8285) => {
    const ip = { source: parseIpv4(inner), destination: POD4 };
    const bytes = udpPacket(ip, { sourcePort: 1, destinationPort: 2 }, new Uint8Array(8));
    return bench.ingress([{ from: { ip: parseIpv4(outer), port }, bytes }]).writes.length;
  };

  test("is sent to where it publishes, and heard from both", async () => {
    const bench = await LaneBench.create({ ...VIEW, peers: [behindNat("10.244.2.0/24", "203.0.113.1")] });
    expect(sendTo(bench, POD_A4)).toBe("203.0.113.1");
    expect(from(bench, "203.0.113.1", "10.244.2.9")).toBe(1);
    expect(from(bench, LAN, "10.244.2.9")).toBe(1);
    expect(from(bench, LAN, "10.244.2.9", 9999)).toBe(0);
    expect(from(bench, LAN, "10.244.3.9")).toBe(0);
  });

  test("may share that address with others, each for its own pods", async () => {
    const peers = [behindNat("10.244.2.0/24", "203.0.113.1"), behindNat("10.244.3.0/24", "203.0.113.2")];
    const bench = await LaneBench.create({ ...VIEW, peers });
    for (const inner of ["10.244.2.9", "10.244.3.9"]) expect(from(bench, LAN, inner)).toBe(1);
    expect(from(bench, "203.0.113.1", "10.244.3.9")).toBe(0);
    expect(from(bench, "203.0.113.2", "10.244.2.9")).toBe(0);
  });

  test("takes nothing from the node whose public address that is, and gives it nothing more", async () => {
    const owner: TunnelPeer = {
      paths: [{ subnet: parsePrefix("10.244.3.0/24"), remote: { ...REMOTE_A, ip: LAN } }],
    };
    for (const peers of [
      [owner, behindNat("10.244.2.0/24", "203.0.113.1")],
      [behindNat("10.244.2.0/24", "203.0.113.1"), owner],
    ]) {
      const bench = await LaneBench.create({ ...VIEW, peers });
      expect(sendTo(bench, parseIpv4("10.244.3.9"))).toBe(LAN);
      expect(from(bench, LAN, "10.244.3.9")).toBe(1);
      expect(from(bench, LAN, "10.244.2.9")).toBe(1);
      expect(from(bench, "203.0.113.1", "10.244.3.9")).toBe(0);
    }
  });

  test("is told at its public address that a packet has run out of hops", async () => {
    const owner: TunnelPeer = {
      paths: [{ subnet: parsePrefix("10.244.3.0/24"), remote: { ...REMOTE_A, ip: LAN } }],
    };
    const peers = [owner, behindNat("10.244.2.0/24", "203.0.113.1")];
    const bench = await LaneBench.create({ ...VIEW, peers });
    const ip = { source: POD_A4, destination: POD4, ttl: 1 };
    const bytes = udpPacket(ip, { sourcePort: 1, destinationPort: 2 }, new Uint8Array(8));
    const { messages } = bench.ingress([{ from: { ip: LAN, port: 8285 }, bytes }]);
    expect(messages.map(({ to }) => to.ip)).toEqual(["203.0.113.1"]);
  });

  test("fits as many as there is room for", async () => {
    const peers = Array.from({ length: 8 }, (_, index) =>
      behindNat(`10.244.${index + 2}.0/24`, `203.0.113.${index}`),
    ).map(({ paths }, index) => ({
      paths: paths.map((path) => ({
        ...path,
        remote: { ...path.remote, source: parseIpv4(`192.168.8.${index}`) },
      })),
    }));
    const bench = await LaneBench.create({ ...VIEW, peers }, 4);
    for (const index of peers.keys()) {
      expect(from(bench, `192.168.8.${index}`, `10.244.${index + 2}.9`)).toBe(1);
    }
  });
});

test("hundreds of peers that claim one address do not break the table", async () => {
  const peers = manyPeers(500).map(({ paths }) => ({
    paths: paths.map((path) => ({ ...path, remote: REMOTE_A })),
  }));
  const bench = await LaneBench.create({ ...VIEW, peers }, 500);
  expect(sendTo(bench, podOf(499))).toBe(REMOTE_A.ip);
});

test("more peers than there is room for are refused, and the table in force stays", async () => {
  const bench = await LaneBench.create(VIEW, 4);
  const tooMany = { ...VIEW, peers: manyPeers(9) };
  expect(() => bench.table.tryPublish(tooMany)).toThrow(expect.objectContaining({ code: "fast-path-full" }));
  expect(sendTo(bench, POD_A4)).toBe(REMOTE_A.ip);
});
