/** Random inner packets for property tests. */
import fc from "fast-check";
import { type IpFields, TCP, tcpPacket, udpPacket } from "../../../bench/packets/packets.ts";
import type { Ip } from "../../../src/net/index.ts";
import { POD_A4, POD_A6, POD4, POD6 } from "./topology.ts";

/** Payload whose bytes all differ from their neighbours, so that a misplaced piece is detected. */
export function patterned(length: number, seed: number): Uint8Array {
  const bytes = new Uint8Array(length);
  let state = (seed ^ 0x9e3779b9) >>> 0;
  for (let index = 0; index < length; index++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    bytes[index] = state >>> 24;
  }
  return bytes;
}

/** Options of a TCP header: timestamps as Linux sends them, none, or something else of a random length. */
export const tcpOptions = fc.oneof(
  fc.constant(new Uint8Array(0)),
  fc.uint8Array({ minLength: 8, maxLength: 8 }).map((stamps) => Uint8Array.of(1, 1, 8, 10, ...stamps)),
  fc.integer({ min: 1, max: 10 }).map((words) => new Uint8Array(words * 4).fill(1)),
);

/** From our pod to peer A's. */
export const outbound: fc.Arbitrary<IpFields> = fc
  .record({
    addresses: fc.constantFrom<[Ip, Ip]>([POD4, POD_A4], [POD6, POD_A6]),
    // Enough for two hops.
    ttl: fc.integer({ min: 3, max: 255 }),
    tos: fc.integer({ min: 0, max: 255 }),
    id: fc.integer({ min: 0, max: 0xffff }),
    dontFragment: fc.boolean(),
    flowLabel: fc.integer({ min: 0, max: 0xfffff }),
  })
  .map(({ addresses: [source, destination], ...rest }) => ({ source, destination, ...rest }));

const ports = fc.record({
  sourcePort: fc.integer({ min: 0, max: 0xffff }),
  destinationPort: fc.integer({ min: 0, max: 0xffff }),
});

/** One large TCP or UDP packet, to be cut. */
export const largePacket: fc.Arbitrary<Uint8Array> = fc.oneof(
  fc
    .record({
      ip: outbound,
      ports,
      sequence: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
      acknowledgement: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
      flags: fc.integer({ min: 0, max: 255 }),
      options: tcpOptions,
      length: fc.integer({ min: 1, max: 65_400 }),
      seed: fc.integer(),
    })
    .map(({ ip, ports, length, seed, ...tcp }) =>
      tcpPacket(ip, { ...ports, ...tcp }, patterned(length, seed)),
    ),
  fc
    .record({ ip: outbound, ports, length: fc.integer({ min: 1, max: 65_400 }), seed: fc.integer() })
    .map(({ ip, ports, length, seed }) => udpPacket(ip, ports, patterned(length, seed))),
);

/** Differences from one packet of a stream to the next; mostly none. */
export type Change =
  | "none"
  | "gap"
  | "repeat"
  | "shorter"
  | "longer"
  | "push"
  | "fin"
  | "cwr"
  | "acknowledgement"
  | "window"
  | "options"
  | "tos"
  | "ttl"
  | "id"
  | "checksum"
  | "fragment"
  | "empty"
  | "other-flow";

export const change: fc.Arbitrary<Change> = fc.oneof(
  { weight: 20, arbitrary: fc.constant<Change>("none") },
  {
    weight: 3,
    arbitrary: fc.constantFrom<Change>(
      "gap",
      "repeat",
      "shorter",
      "longer",
      "push",
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
    ),
  },
  { weight: 4, arbitrary: fc.constant<Change>("other-flow") },
);

export interface StreamShape {
  readonly protocol: "tcp" | "udp";
  readonly family: "v4" | "v6";
  readonly size: number;
  readonly dontFragment: boolean;
  /** Ids count up from packet to packet, or stay. */
  readonly idStep: 0 | 1;
  readonly sequence: number;
  readonly options: Uint8Array;
}

export const streamShape: fc.Arbitrary<StreamShape> = fc.record({
  protocol: fc.constantFrom("tcp", "udp"),
  family: fc.constantFrom("v4", "v6"),
  size: fc.integer({ min: 2, max: 1300 }),
  dontFragment: fc.boolean(),
  idStep: fc.constantFrom(0, 1),
  // Often close to where sequence numbers wrap.
  sequence: fc.oneof(
    fc.integer({ min: 0, max: 2 ** 32 - 1 }),
    fc.integer({ min: 2 ** 32 - 5000, max: 2 ** 32 - 1 }),
  ),
  options: tcpOptions,
});

/** A stream of packets from peer A's pod to ours, with each change at its position. */
export function streamOf(shape: StreamShape, changes: readonly Change[]): Uint8Array[] {
  const [source, destination] = shape.family === "v4" ? [POD_A4, POD4] : [POD_A6, POD6];
  const ip = { source, destination, ttl: 60, tos: 0, dontFragment: shape.dontFragment };
  const tcp = { acknowledgement: 77, window: 500, options: shape.options };
  const main = { port: 4000, sequence: shape.sequence, id: 0xfff0 };
  const other = { port: 4001, sequence: shape.sequence, id: 0x1000 };
  return changes.map((what, index) => {
    const flow = what === "other-flow" ? other : main;
    let length = shape.size;
    let flags: number = TCP.ack;
    if (what === "gap") flow.sequence += 1;
    if (what === "repeat") flow.sequence += 2 ** 32 - shape.size;
    if (what === "shorter") length = Math.max(1, length - 1);
    if (what === "longer") length += 1;
    if (what === "empty") length = 0;
    if (what === "push") flags |= TCP.psh;
    if (what === "fin") flags |= TCP.fin;
    if (what === "cwr") flags |= TCP.cwr;
    if (what === "acknowledgement") tcp.acknowledgement++;
    if (what === "window") tcp.window++;
    if (what === "options") tcp.options = otherOptions(tcp.options);
    if (what === "tos") ip.tos ^= 4;
    if (what === "ttl") ip.ttl--;
    if (what === "id") flow.id += 7;
    const payload = patterned(length, index);
    const moreFragments = what === "fragment" && shape.family === "v4";
    const fields = { ...ip, id: flow.id & 0xffff, moreFragments };
    const ports = { sourcePort: flow.port, destinationPort: 5001 };
    const packet =
      shape.protocol === "tcp"
        ? tcpPacket(fields, { ...ports, ...tcp, sequence: flow.sequence % 2 ** 32, flags }, payload)
        : udpPacket(fields, ports, payload);
    flow.id += shape.idStep;
    flow.sequence += length;
    if (what === "checksum") packet[packet.length - 1] = (packet.at(-1) ?? 0) ^ 0xff;
    return packet;
  });
}

function otherOptions(options: Uint8Array): Uint8Array<ArrayBuffer> {
  if (options.length === 0) return Uint8Array.of(1, 1, 1, 1);
  return Uint8Array.from(options, (value) => value ^ 1);
}
