/** Packets from pods and from the network, through both lanes of the fast path of `udp`. */
import { COUNTER_NAMES, type Counters } from "../../../backends/udp/counters.ts";
import {
  checkAccounts,
  checkBounds,
  countOf,
  makeCorpus,
  repairChecksum,
  SENDERS,
} from "../../support/udp-oracle/fuzz.ts";
import {
  ALL_OFFLOADS,
  LaneBench,
  NO_OFFLOADS,
  type Output,
  type Received,
} from "../../support/udp-oracle/lane-bench.ts";
import { VIEW } from "../../support/udp-oracle/topology.ts";
import { join } from "../mutation/bytes.ts";
import { type FuzzTarget, NEVER } from "../target.ts";
import { rawBytes } from "./netlink-samples.ts";

/** Of a record: flags, sender and size of merged datagrams, length in 16 bits; the packet follows. */
const HEADER_BYTES = 5;
const FLAG = { ingress: 1, isCut: 2, isMerged: 4, leaveChecksum: 8, noOffloads: 16 } as const;
const VIRTIO_BYTES = 10;
const MAX_PACKETS = 48;
/** Longer packets than the kernel delivers do not fit a slot. */
const MAX_PACKET_BYTES = 65_535;

interface Packet {
  readonly flags: number;
  readonly sender: number;
  readonly groSize: number;
  readonly bytes: Uint8Array;
}

const bench = await LaneBench.create(VIEW);
const corpus = makeCorpus();
const seedOf = (flags: number, ...packets: readonly Uint8Array[]) =>
  join(...packets.map((bytes) => encode({ flags, sender: 0, groSize: 0, bytes })));

/** WebAssembly has no coverage: what the counters tell guides the search. */
export const udpPackets: FuzzTarget = {
  name: "udp-packets",
  grammar: "bytes",
  seeds: [
    ...corpus.egress.map((read) => seedOf(0, read)),
    ...corpus.ingress.map((datagram) => seedOf(FLAG.ingress, datagram)),
    seedOf(FLAG.ingress, ...corpus.ingress.slice(0, 8)),
    seedOf(0, ...corpus.egress.slice(0, 8)),
  ],
  words: [
    "\x45\0",
    "\x60\0\0\0",
    "\x06",
    "\x11",
    "\x01",
    "\x3a",
    "\x2c",
    "\0\0\0\x01",
    "\x0a\xf4\x02\x09",
    "\x10",
    "\x18",
  ].map(rawBytes),
  refusals: NEVER,
  maxBytes: 128 * 1024,
  run(input) {
    const packets = decode(input);
    bench.nowMs += 1000;
    const noOffloads = packets.some(({ flags }) => (flags & FLAG.noOffloads) !== 0);
    bench.setOffloads(noOffloads ? NO_OFFLOADS : ALL_OFFLOADS);
    const isIngress = ({ flags }: Packet) => (flags & FLAG.ingress) !== 0;
    return [
      ...runEgress(packets.filter((each) => !isIngress(each))),
      ...runIngress(packets.filter(isIngress)),
    ];
  },
};

function runEgress(packets: readonly Packet[]): string[] {
  if (packets.length === 0) return [];
  const reads = packets.map((packet) => checked(packet, VIRTIO_BYTES));
  const before = bench.counters("egress");
  const output = bench.egressRaw(reads);
  const after = bench.counters("egress");
  const bytes = reads.reduce((sum, read) => sum + read.length, 0);
  checkAccounts(before, after, reads.length);
  // Segments carry at least a byte of payload each, behind a header.
  checkBounds(output, bytes * 129, bytes);
  return featuresOf("egress", before, after, output);
}

function runIngress(packets: readonly Packet[]): string[] {
  if (packets.length === 0) return [];
  const datagrams = packets.map((packet): Received => {
    const { flags, sender, groSize } = packet;
    const from = SENDERS[sender % SENDERS.length] ?? SENDERS[0];
    if (from === undefined) throw new Error("there are senders");
    const isCut = (flags & FLAG.isCut) !== 0;
    const bytes = checked(packet, 0);
    return (flags & FLAG.isMerged) === 0
      ? { from, bytes, isCut }
      : { from, bytes, isCut, groSize: groSize * 8 - 8 };
  });
  const before = bench.counters("ingress");
  const output = bench.ingress(datagrams);
  const after = bench.counters("ingress");
  const inner = datagrams.reduce((sum, { bytes, groSize }) => sum + countOf(bytes, groSize), 0);
  checkAccounts(before, after, inner);
  checkBounds(output, datagrams.reduce((sum, { bytes }) => sum + bytes.length, 0) + 10 * 1280, inner);
  return featuresOf("ingress", before, after, output);
}

function featuresOf(direction: string, before: Counters, after: Counters, output: Output): string[] {
  const counted = COUNTER_NAMES.flatMap((name) => {
    const grown = Number(after[name] - before[name]);
    return grown === 0 ? [] : [`${direction} ${name} ${Math.ceil(Math.log2(grown))}`];
  });
  const sent = output.messages.map(
    ({ datagrams, segmentSize }) =>
      `sent ${Math.ceil(Math.log2(datagrams.length + 1))} ${segmentSize === null}`,
  );
  const written = output.writes.map(({ virtio }) => `written ${virtio.gsoType} ${virtio.flags}`);
  return [
    ...counted,
    ...sent,
    ...written,
    `${direction} ${counted.map((each) => each.split(" ")[1]).join("+")}`,
  ];
}

/** Without a correct checksum no changed IPv4 packet would get past the first check. */
function checked({ flags, bytes }: Packet, start: number): Uint8Array {
  if ((flags & FLAG.leaveChecksum) !== 0) return bytes;
  const copy = bytes.slice();
  repairChecksum(copy, start);
  return copy;
}

function encode({ flags, sender, groSize, bytes }: Packet): Uint8Array {
  return join(Uint8Array.of(flags, sender, groSize, bytes.length & 0xff, bytes.length >> 8), bytes);
}

function decode(input: Uint8Array): Packet[] {
  const packets: Packet[] = [];
  for (let at = 0; at + HEADER_BYTES <= input.length && packets.length < MAX_PACKETS; ) {
    const [flags = 0, sender = 0, groSize = 0, low = 0, high = 0] = input.subarray(at, at + HEADER_BYTES);
    at += HEADER_BYTES;
    const length = Math.min(low | (high << 8), MAX_PACKET_BYTES);
    packets.push({ flags, sender, groSize, bytes: input.subarray(at, at + length) });
    at += length;
  }
  return packets;
}
