/**
 * Feeds random and mutated packets into both directions of a pair of lanes. It checks the invariants for any input: no
 * trap, no pointer outside the lane (LaneBench follows them all), output bounded by input, and every packet either
 * forwarded or counted as dropped for a reason.
 */
import { type COUNTER_NAMES, type Counters, DROP_COUNTERS } from "../../../backends/udp/counters.ts";
import type { Lane } from "../../../backends/udp/lane.ts";
import { byte, checksumOf, concat, set16 } from "../../../bench/packets/bytes.ts";
import {
  type IpFields,
  icmpPacket,
  ipPacket,
  TCP,
  tcpPacket,
  udpPacket,
} from "../../../bench/packets/packets.ts";
import { encodeVirtio, PLAIN, superPacket } from "../../../bench/packets/super-packets.ts";
import { parseIpv4, parseIpv6 } from "../../../src/net/index.ts";
import { ALL_OFFLOADS, type LaneBench, NO_OFFLOADS, type Output, type Received } from "./lane-bench.ts";
import { patterned } from "./streams.ts";
import { POD_A4, POD_A6, POD_B4, POD4, POD6, REMOTE_A, REMOTE_A6, REMOTE_B, VIEW } from "./topology.ts";

const BATCH = 48;
/** A segment needs a header of at most this many bytes. */
const HEADER_MAX = 128;

export interface FuzzResult {
  readonly egress: Counters;
  readonly ingress: Counters;
}

/**
 * At least `packets` each way.
 * @param seed decides everything: the same seed fails the same way
 */
export function fuzzLanes(bench: LaneBench, seed: number, packets: number): FuzzResult {
  const random = randomOf(seed);
  const corpus = makeCorpus();
  // Now and then the kernel refuses an offload.
  bench.onPass = (lane) => {
    if (random(16) === 0) for (const family of [4, 6] as const) lane.splitMessages(family, 0);
    if (random(16) === 0) unjoinAll(bench, lane);
  };
  let out = 0;
  let back = 0;
  while (Math.min(out, back) < packets) {
    bench.nowMs += random(20);
    bench.setOffloads(random(8) === 0 ? NO_OFFLOADS : ALL_OFFLOADS);
    // Routes change between packets; without routes little code is reached, so they soon return.
    if (random(256) === 0) bench.table.tryPublish({ ...VIEW, peers: [] });
    else if (random(16) === 0) bench.table.tryPublish(VIEW);
    try {
      if (out <= back) out += fuzzEgress(bench, random, corpus);
      else back += fuzzIngress(bench, random, corpus);
    } catch (error) {
      throw new Error(`seed ${seed}, after ${out} packets out and ${back} back`, { cause: error });
    }
  }
  return { egress: bench.counters("egress"), ingress: bench.counters("ingress") };
}

/** Egress lanes write only ICMP errors, which are never joined: a list of segments is in the ingress lane. */
function unjoinAll(bench: LaneBench, lane: Lane): void {
  for (let write = 0; write < lane.writeCount(); write++) {
    const count = lane.unjoinWrite(write);
    for (let index = 0; index < count; index++) bench.readWrite(1, lane.unjoinedAddress(index), 2);
  }
}

type Random = (below: number) => number;

/** mulberry32. */
function randomOf(seed: number): Random {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

function fuzzEgress(bench: LaneBench, random: Random, corpus: Corpus): number {
  const before = bench.counters("egress");
  const reads = Array.from({ length: BATCH }, () => egressRead(random, corpus));
  const output = bench.egressRaw(reads);
  const bytes = reads.reduce((sum, read) => sum + read.length, 0);
  checkAccounts(before, bench.counters("egress"), BATCH);
  // Segments carry at least a byte of payload each.
  checkBounds(output, bytes * (HEADER_MAX + 1), bytes);
  return BATCH;
}

function fuzzIngress(bench: LaneBench, random: Random, corpus: Corpus): number {
  const before = bench.counters("ingress");
  const start = random(corpus.ingress.length);
  // Every other batch is mostly corpus packets, in order and from one sender: otherwise nothing is joined.
  const isOrderly = random(2) === 0;
  const datagrams = Array.from({ length: BATCH }, (_, index) => {
    const next = corpus.ingress[(start + index) % corpus.ingress.length] as Uint8Array;
    if (isOrderly && random(8) !== 0) return { from: REMOTE_A, bytes: next };
    return ingressDatagram(random, pick(random, corpus.ingress));
  });
  const output = bench.ingress(datagrams);
  const inner = datagrams.reduce((sum, { bytes, groSize }) => sum + countOf(bytes, groSize), 0);
  checkAccounts(before, bench.counters("ingress"), inner);
  // ICMP errors add at most the rate limit's burst.
  checkBounds(output, datagrams.reduce((sum, { bytes }) => sum + bytes.length, 0) + 10 * 1280, inner);
  return inner;
}

export function countOf(bytes: Uint8Array, groSize: number | undefined): number {
  if (bytes.length === 0 || groSize === undefined || groSize <= 0) return 1;
  return Math.ceil(bytes.length / groSize);
}

export function checkAccounts(before: Counters, after: Counters, packets: number): void {
  const grown = (name: (typeof COUNTER_NAMES)[number]) => Number(after[name] - before[name]);
  const dropped = DROP_COUNTERS.reduce((sum, name) => sum + grown(name), 0);
  if (grown("packets") !== packets || grown("forwarded") + dropped !== packets) {
    throw new Error(`${packets} in, ${grown("packets")} seen, ${grown("forwarded")} out, ${dropped} dropped`);
  }
}

export function checkBounds(output: Output, bytesMax: number, segmentsMax: number): void {
  const sent = output.messages
    .flatMap((message) => message.datagrams)
    .reduce((sum, one) => sum + one.length, 0);
  const written = output.writes.reduce((sum, write) => sum + write.packet.length, 0);
  // Errors to the TUN come on top, at most 10 at a time.
  if (sent + written > bytesMax + 10 * 1280)
    throw new Error(`${sent + written} bytes out, ${bytesMax} expected at most`);
  if (output.passes > 2 + segmentsMax / 1000) throw new Error(`${output.passes} passes`);
}

export interface Corpus {
  readonly egress: readonly Uint8Array[];
  readonly ingress: readonly Uint8Array[];
}

function egressRead(random: Random, corpus: Corpus): Uint8Array {
  if (random(50) === 0) return noise(random, random(200));
  const read = mutate(random, pick(random, corpus.egress), 10);
  if (random(10) === 0) {
    // The virtio-net header: any field, any value; sizes mostly small, where the work is greatest.
    const at = random(10);
    if (at < read.length) read[at] = random(4) === 0 ? random(256) : random(8);
  }
  return read;
}

export const SENDERS = [
  ...new Array<typeof REMOTE_A>(10).fill(REMOTE_A),
  REMOTE_A6,
  REMOTE_B,
  { ip: parseIpv4("192.0.2.1"), port: 8285 },
  { ip: parseIpv6("2001:db8::bad"), port: 8285 },
];

function ingressDatagram(random: Random, first: Uint8Array): Received {
  const from = pick(random, SENDERS);
  const isCut = random(100) === 0;
  if (random(50) === 0) return { from, bytes: noise(random, random(200)), isCut };
  if (random(4) !== 0) return { from, bytes: mutate(random, first, 0), isCut };
  // Merged by the kernel: equal sizes, the last shorter; or a size that fits nothing.
  const parts = Array.from({ length: 1 + random(12) }, () => mutate(random, first, 0, first.length));
  const bytes = concat(...parts).subarray(0, first.length * parts.length - random(first.length));
  return { from, bytes, isCut, groSize: random(20) === 0 ? random(100) - 2 : first.length };
}

function pick<T>(random: Random, items: readonly T[]): T {
  return items[random(items.length)] as T;
}

function noise(random: Random, length: number): Uint8Array {
  return Uint8Array.from({ length }, () => random(256));
}

/** A copy with no or few changes, mostly in its headers; often with a corrected checksum. */
function mutate(random: Random, original: Uint8Array, start: number, length?: number): Uint8Array {
  let packet: Uint8Array = original.slice();
  if (random(3) === 0) return packet;
  for (let flips = 1 + random(3); flips > 0; flips--) {
    const at = start + random(Math.min(packet.length - start, random(4) === 0 ? 65_536 : 80));
    packet[at] = random(2) === 0 ? random(256) : byte(packet, at) ^ (1 << random(8));
  }
  if (length === undefined && random(8) === 0) packet = packet.slice(0, random(packet.length + 1));
  if (length === undefined && random(16) === 0) packet = concat(packet, noise(random, random(64)));
  if (random(4) !== 0) repairChecksum(packet, start);
  return packet;
}

/** Without it no mutated IPv4 packet would get past the first check. */
export function repairChecksum(packet: Uint8Array, start: number): void {
  if (packet.length < start + 20 || byte(packet, start) >>> 4 !== 4) return;
  const header = packet.subarray(start, start + (byte(packet, start) & 15) * 4);
  if (header.length < 20) return;
  set16(header, 10, 0);
  set16(header, 10, checksumOf(header));
}

export function makeCorpus(): Corpus {
  const directions: readonly (readonly [IpFields, boolean])[] = [
    [{ source: POD4, destination: POD_A4 }, true],
    [{ source: POD4, destination: POD_B4, dontFragment: false }, true],
    [{ source: POD6, destination: POD_A6 }, true],
    [{ source: POD_A4, destination: POD4 }, false],
    [{ source: POD_A6, destination: POD6 }, false],
  ];
  const egress: Uint8Array[] = [];
  const ingress: Uint8Array[] = [];
  for (const [ip, isOut] of directions) {
    for (const packet of packetsOf(ip)) {
      if (isOut) egress.push(concat(encodeVirtio(PLAIN), packet));
      else ingress.push(packet);
    }
    if (isOut) egress.push(...superReadsOf(ip));
  }
  return { egress, ingress };
}

function packetsOf(ip: IpFields): Uint8Array[] {
  const ports = { sourcePort: 1000, destinationPort: 2000 };
  const stamps = Uint8Array.of(1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2);
  const isV4 = ip.source !== POD6 && ip.source !== POD_A6;
  const packets = [
    // Consecutive segments, so that some are joined.
    ...[0, 1, 2, 3].map((index) =>
      tcpPacket(
        { ...ip, id: index },
        { ...ports, sequence: index * 120, options: stamps },
        patterned(120, index),
      ),
    ),
    tcpPacket(
      ip,
      { ...ports, sequence: 9, flags: TCP.syn, options: Uint8Array.of(2, 4, 5, 180) },
      new Uint8Array(0),
    ),
    tcpPacket(ip, { ...ports, sequence: 480, flags: TCP.ack | TCP.fin }, new Uint8Array(0)),
    ...[0, 1].map((id) => udpPacket({ ...ip, id }, ports, patterned(90, id))),
    udpPacket(ip, ports, patterned(1400, 1)),
    icmpPacket(ip, isV4 ? 8 : 128, 0, patterned(60, 2)),
    icmpPacket(ip, isV4 ? 3 : 1, 1, patterned(40, 3)),
    udpPacket({ ...ip, ttl: 1 }, ports, patterned(20, 4)),
    ipPacket({ ...ip, dontFragment: false, moreFragments: true }, 17, patterned(80, 5)),
    ipPacket(ip, 50, patterned(80, 6)),
  ];
  if (isV4) packets.push(udpPacket({ ...ip, options: new Uint8Array(12).fill(1) }, ports, patterned(30, 7)));
  const chain = Uint8Array.of(60, 0, 1, 4, 0, 0, 0, 0, 44, 0, 1, 4, 0, 0, 0, 0, 17, 0, 0, 1, 0, 0, 0, 9);
  if (!isV4)
    packets.push(udpPacket({ ...ip, extensions: { first: 0, bytes: chain } }, ports, patterned(30, 8)));
  return packets;
}

function superReadsOf(ip: IpFields): Uint8Array[] {
  const ports = { sourcePort: 3000, destinationPort: 4000 };
  const tcp = tcpPacket(
    ip,
    { ...ports, sequence: 5, flags: TCP.ack | TCP.psh | TCP.cwr },
    patterned(3000, 1),
  );
  const udp = udpPacket(ip, ports, patterned(2000, 2));
  const small = tcpPacket(ip, { ...ports, sequence: 5 }, patterned(64, 3));
  return [superPacket(tcp, 1300), superPacket(udp, 400), superPacket(small, 1)].map(({ virtio, packet }) =>
    concat(encodeVirtio(virtio), packet),
  );
}
