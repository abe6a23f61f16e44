/**
 * The fast path without a kernel: `npm run bench:micro`. Prints the cost of each step, so that a change of one is
 * visible without the noise of system calls. Medians of several rounds, on data that fits the cache as in operation.
 */
import {
  EGRESS_INPUT_AT,
  READS_AT,
  RECEIVE_NAMES_AT,
  RECEIVE_SLOTS_AT,
  RECEIVE_STRIDE,
} from "../backends/udp/assembly/layout.ts";
import { compileFastPath } from "../backends/udp/compiled-fast-path.ts";
import { EgressLane } from "../backends/udp/egress-lane.ts";
import {
  createFastPath,
  type FastPathExports,
  instantiate,
  type SharedFastPath,
} from "../backends/udp/fast-path.ts";
import { ForwardingTable, type TunnelPeer } from "../backends/udp/forwarding-table.ts";
import { IngressLane } from "../backends/udp/ingress-lane.ts";
import { type Ipv4Prefix, ipToBytes, ipv4FromBits, parsePrefix, prefixOf } from "../src/net/index.ts";
import { systemRandom } from "../src/runtime/random.ts";
import { concat } from "./packets/bytes.ts";
import { type IpFields, tcpPacket, udpPacket } from "./packets/packets.ts";
import { encodeVirtio, PLAIN, superPacket } from "./packets/super-packets.ts";

const ROUNDS = 15;
const OWN_POD = ipv4FromBits(0x0af40105);
const ALL = { sendRuns: true, joinTcp4: true, joinTcp6: true, joinUdp: true };
const PORTS = { sourcePort: 1, destinationPort: 2 };
const STAMPS = Uint8Array.of(1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2);
const PIECE = 1420;

const podOf = (peer: number) => ipv4FromBits(0x64400000 + peer * 256 + 9);
const remoteOf = (peer: number) => ipv4FromBits(0xac100000 + peer);

function peersOf(count: number): TunnelPeer[] {
  return Array.from({ length: count }, (_, peer) => ({
    paths: [
      {
        subnet: prefixOf(ipv4FromBits(0x64400000 + peer * 256), 24),
        remote: { ip: remoteOf(peer), port: 8285, mtuBytes: 1472 },
      },
    ],
  }));
}

/** The test bed, with a table of the given number of peers. */
class Bed {
  readonly #shared: SharedFastPath;
  readonly #exports: FastPathExports;
  readonly #bytes: Uint8Array;
  readonly #words: Uint32Array;
  readonly #peers: number;

  static async create(peers: number): Promise<Bed> {
    const shared = createFastPath(await compileFastPath(), { queues: 1, peersMax: 5000 });
    const table = new ForwardingTable(shared, systemRandom);
    const view = {
      subnets: { v4: parsePrefix("10.244.1.0/24") as Ipv4Prefix, v6: null },
      tun: { v4: null, v6: null },
      hosts: [],
      peers: peersOf(peers),
    };
    const started = performance.now();
    table.tryPublish(view);
    report(`publish, ${peers} peers`, `${(performance.now() - started).toFixed(1)} ms`);
    return new Bed(shared, peers);
  }

  private constructor(shared: SharedFastPath, peers: number) {
    this.#shared = shared;
    this.#exports = instantiate(shared);
    this.#exports.bind(2, 0, shared.table.bytes, 0n);
    this.#bytes = new Uint8Array(shared.memory.buffer);
    this.#words = new Uint32Array(shared.memory.buffer);
    this.#peers = peers;
  }

  #start(lane: 0 | 1): number {
    return this.#shared.lanes[lane]?.start ?? 0;
  }

  checksum(length: number): void {
    const at = this.#start(0) + EGRESS_INPUT_AT;
    const times = Math.ceil(20_000_000 / (length + 100));
    const ns = medianNs(times, () => {
      for (let index = 0; index < times; index++) this.#exports.sum(at + ((index & 7) << 11), length);
    });
    report(`checksum of ${length} bytes`, `${ns.toFixed(1)} ns, ${(length / ns).toFixed(1)} GB/s`);
  }

  lookup(): void {
    const at = this.#start(0) + EGRESS_INPUT_AT;
    const addresses = Math.min(this.#peers, 5000);
    for (let index = 0; index < addresses; index++) {
      // Far apart in the table, as traffic to many peers is.
      const pod = ipToBytes(podOf((index * 2477) % this.#peers));
      this.#bytes.set([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, ...pod], at + index * 16);
    }
    const times = 500_000;
    const ns = medianNs(times, () => this.#exports.probeRoutes(at, addresses, times, 4));
    report(`lookup, ${this.#peers} peers`, `${ns.toFixed(1)} ns`);
  }

  /** Super-packets of 64 KiB: cost for each segment. */
  segmentation(): void {
    const large = tcpPacket(
      this.#out(0),
      { ...PORTS, sequence: 1, options: STAMPS },
      new Uint8Array(46 * PIECE),
    );
    const { virtio, packet } = superPacket(large, PIECE);
    const read = concat(encodeVirtio(virtio), packet);
    this.#egress(
      `segmentation, ${this.#peers} peers`,
      Array.from({ length: 8 }, () => read),
      8 * 46,
      8 * 46 * PIECE,
    );
  }

  /** Small packets, each with a lookup, alternately to two peers. */
  small(): void {
    const reads = Array.from({ length: 256 }, (_, index) =>
      concat(
        encodeVirtio(PLAIN),
        udpPacket(this.#out(index % 2 === 0 ? 0 : this.#peers - 1), PORTS, new Uint8Array(64)),
      ),
    );
    this.#egress(`64-byte packets out, ${this.#peers} peers`, reads, reads.length, reads.length * 64);
  }

  #egress(name: string, reads: readonly Uint8Array[], packets: number, bytes: number): void {
    const lane = new EgressLane(this.#shared, 0, 0n);
    lane.setOffloads(ALL);
    for (const read of reads) {
      this.#bytes.set(read, lane.readAddress());
      lane.accept(read.length);
    }
    const entries = this.#words.slice(
      (this.#start(0) + READS_AT) / 4,
      (this.#start(0) + READS_AT) / 4 + reads.length * 2,
    );
    while (!lane.pass(0));
    const exports = instantiate(this.#shared);
    exports.bind(0, this.#start(0), this.#shared.table.bytes, 0n);
    exports.setOffloads(1);
    const times = 50;
    const run = () => {
      for (let time = 0; time < times; time++) {
        // Segmentation does not change its input; each pass decrements the TTL of small packets, which is restored.
        if (packets === reads.length) this.#restoreHops(entries);
        exports.egressBegin(reads.length);
        while (exports.egressPass(0) === 0);
      }
    };
    const ns = medianNs(times * packets, run);
    report(name, `${ns.toFixed(1)} ns a packet, ${(bytes / packets / ns).toFixed(2)} GB/s`);
  }

  #restoreHops(entries: Uint32Array): void {
    for (let entry = 0; entry < entries.length; entry += 2) {
      const packet = (entries[entry] ?? 0) + 10;
      this.#bytes[packet + 8] = 64;
      // The checksum belongs to a TTL of 63 now: one less for one hop more (RFC 1624).
      const check = ((this.#bytes[packet + 10] ?? 0) | ((this.#bytes[packet + 11] ?? 0) << 8)) - 1;
      this.#bytes[packet + 10] = check & 255;
      this.#bytes[packet + 11] = check >> 8;
    }
  }

  /** Messages of 44 merged datagrams of one TCP flow: cost for each joined datagram. */
  coalescing(): void {
    const segments = 44;
    const messages = 16;
    const lane = new IngressLane(this.#shared, 1, 0n);
    lane.setOffloads(ALL);
    const ip = { source: podOf(0), destination: OWN_POD };
    const merged = concat(
      ...Array.from({ length: segments }, (_, index) =>
        tcpPacket(
          { ...ip, id: index },
          { ...PORTS, sequence: index * PIECE, options: STAMPS },
          new Uint8Array(PIECE),
        ),
      ),
    );
    const fill = () => {
      for (let message = 0; message < messages; message++)
        this.#receive(lane, message, merged, merged.length / segments);
    };
    const samples: number[] = [];
    for (let round = 0; round < ROUNDS * 10; round++) {
      lane.prepare();
      fill();
      const started = performance.now();
      while (!lane.pass(messages, 0));
      samples.push(((performance.now() - started) * 1e6) / (messages * segments));
    }
    const ns = median(samples);
    report(
      `coalescing, ${this.#peers} peers`,
      `${ns.toFixed(1)} ns a packet, ${(PIECE / ns).toFixed(2)} GB/s`,
    );
  }

  #receive(lane: IngressLane, index: number, bytes: Uint8Array, groSize: number): void {
    const view = new DataView(this.#shared.memory.buffer);
    const start = this.#start(1);
    this.#bytes.set(bytes, start + RECEIVE_SLOTS_AT + index * RECEIVE_STRIDE);
    const name = start + RECEIVE_NAMES_AT + index * 32;
    view.setUint16(name, 2, true);
    view.setUint16(name + 2, 8285);
    this.#bytes.set(ipToBytes(remoteOf(0)), name + 4);
    const message = lane.receiveAddress(index);
    const control = Number(view.getBigUint64(message + 32, true));
    view.setBigUint64(control, 20n, true);
    view.setInt32(control + 8, 17, true);
    view.setInt32(control + 12, 104, true);
    view.setInt32(control + 16, groSize, true);
    view.setBigUint64(message + 40, 24n, true);
    view.setUint32(message + 56, bytes.length, true);
  }

  #out(peer: number): IpFields {
    return { source: OWN_POD, destination: podOf(peer) };
  }
}

/** Nanoseconds for each of `times` repetitions that one call of `run` makes. */
function medianNs(times: number, run: () => void): number {
  // Until optimised code runs.
  for (let warmUp = 0; warmUp < ROUNDS; warmUp++) run();
  const samples = Array.from({ length: ROUNDS }, () => {
    const started = performance.now();
    run();
    return ((performance.now() - started) * 1e6) / times;
  });
  return median(samples);
}

function median(samples: readonly number[]): number {
  return samples.toSorted((a, b) => a - b)[samples.length >> 1] ?? Number.NaN;
}

function report(step: string, cost: string): void {
  console.log(`${step.padEnd(36)} ${cost}`);
}

for (const peers of [2, 5000]) {
  const bed = await Bed.create(peers);
  if (peers === 2) for (const length of [20, 64, 1420, 65_000]) bed.checksum(length);
  bed.lookup();
  bed.segmentation();
  bed.coalescing();
  bed.small();
}
