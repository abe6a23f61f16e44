/**
 * A pair of lanes without sockets: writes packets where the kernel would, and reads the data passed to the kernel by
 * following every pointer. A pointer outside the lane fails the test.
 */
import {
  EGRESS_LANE_BYTES,
  INGRESS_LANE_BYTES,
  RECEIVE_CONTROLS_AT,
  RECEIVE_NAMES_AT,
  RECEIVE_SLOT_BYTES,
  RECEIVE_SLOTS_AT,
  RECEIVE_STRIDE,
} from "../../../backends/udp/assembly/layout.ts";
import { compileFastPath } from "../../../backends/udp/compiled-fast-path.ts";
import { type Counters, readCounters } from "../../../backends/udp/counters.ts";
import { EgressLane } from "../../../backends/udp/egress-lane.ts";
import { createFastPath, type SharedFastPath } from "../../../backends/udp/fast-path.ts";
import { ForwardingTable, type ForwardingView } from "../../../backends/udp/forwarding-table.ts";
import { IngressLane } from "../../../backends/udp/ingress-lane.ts";
import type { Lane, LaneOffloads, OuterFamily } from "../../../backends/udp/lane.ts";
import { concat } from "../../../bench/packets/bytes.ts";
import { decodeVirtio, encodeVirtio, PLAIN, type Virtio } from "../../../bench/packets/super-packets.ts";
import { type Ip, ipFromBytes, ipToBytes, isIpv4 } from "../../../src/net/index.ts";
import { systemRandom } from "../../../src/runtime/random.ts";

/** Not page zero and above 4 GiB, as real addresses are. */
const NATIVE_BASE = 0x7f12_3456_0000n;
/** UIO_MAXIOV. */
const IOVECS_MAX = 1024;

export const ALL_OFFLOADS: LaneOffloads = { sendRuns: true, joinTcp4: true, joinTcp6: true, joinUdp: true };
export const NO_OFFLOADS: LaneOffloads = {
  sendRuns: false,
  joinTcp4: false,
  joinTcp6: false,
  joinUdp: false,
};

export interface SentMessage {
  readonly to: { readonly ip: Ip; readonly port: number };
  /** The received datagrams: the message cut at `segmentSize`. */
  readonly datagrams: readonly Uint8Array[];
  /** Of UDP_SEGMENT, or null without it. */
  readonly segmentSize: number | null;
}

export interface Written {
  readonly virtio: Virtio;
  readonly packet: Uint8Array;
}

export interface Output {
  readonly messages: readonly SentMessage[];
  readonly writes: readonly Written[];
  readonly passes: number;
}

export interface Received {
  readonly from: { readonly ip: Ip; readonly port: number };
  readonly bytes: Uint8Array;
  /** Of UDP_GRO, where the kernel merged datagrams. */
  readonly groSize?: number;
  /** The kernel's MSG_TRUNC. */
  readonly isCut?: boolean;
}

export class LaneBench {
  readonly table: ForwardingTable;
  readonly shared: SharedFastPath;
  readonly #egress: EgressLane;
  readonly #ingress: IngressLane;
  readonly #view: DataView;
  readonly #bytes: Uint8Array;
  /** Run after every pass, before its output is read. */
  onPass: (lane: Lane) => void = () => {};
  nowMs = 1_000_000;

  private constructor(shared: SharedFastPath) {
    this.shared = shared;
    this.table = new ForwardingTable(shared, systemRandom);
    this.#egress = new EgressLane(shared, 0, NATIVE_BASE);
    this.#ingress = new IngressLane(shared, 1, NATIVE_BASE);
    this.#view = new DataView(shared.memory.buffer);
    this.#bytes = new Uint8Array(shared.memory.buffer);
    this.setOffloads(ALL_OFFLOADS);
  }

  static async create(view: ForwardingView, peersMax = 64): Promise<LaneBench> {
    const bench = new LaneBench(createFastPath(await compileFastPath(), { queues: 1, peersMax }));
    if (!bench.table.tryPublish(view)) throw new Error("no lane runs, and yet the table is pinned");
    return bench;
  }

  setOffloads(offloads: LaneOffloads): void {
    this.#egress.setOffloads(offloads);
    this.#ingress.setOffloads(offloads);
  }

  /** Everything read from the TUN in one batch. */
  egress(reads: readonly { readonly virtio?: Virtio; readonly packet: Uint8Array }[]): Output {
    return this.egressRaw(reads.map(({ virtio, packet }) => concat(encodeVirtio(virtio ?? PLAIN), packet)));
  }

  /** The same, including virtio-net headers, in as many batches as needed. */
  egressRaw(reads: readonly Uint8Array[]): Output {
    const outputs: Output[] = [];
    let index = 0;
    do {
      for (
        let at = this.#egress.readAddress();
        at !== 0 && index < reads.length;
        at = this.#egress.readAddress()
      ) {
        const read = reads[index++] as Uint8Array;
        this.#bytes.set(read, at - Number(NATIVE_BASE));
        this.#egress.accept(read.length);
      }
      outputs.push(this.#run(this.#egress, 0, (now) => this.#egress.pass(now)));
    } while (index < reads.length);
    return joinOutputs(outputs);
  }

  ingress(datagrams: readonly Received[]): Output {
    const outputs: Output[] = [];
    for (let from = 0; from < datagrams.length; from += this.#ingress.receiveMax) {
      const some = datagrams.slice(from, from + this.#ingress.receiveMax);
      this.#ingress.prepare();
      for (const [index, datagram] of some.entries()) this.#deliver(index, datagram);
      outputs.push(this.#run(this.#ingress, 1, (now) => this.#ingress.pass(some.length, now)));
    }
    return joinOutputs(outputs);
  }

  counters(direction: "egress" | "ingress"): Counters {
    return readCounters(this.shared.memory, direction === "egress" ? 0 : 1);
  }

  #run(lane: Lane, index: 0 | 1, pass: (nowMs: number) => boolean): Output {
    const messages: SentMessage[] = [];
    const writes: Written[] = [];
    let passes = 0;
    for (let isDone = false; !isDone; ) {
      isDone = pass(this.nowMs);
      passes++;
      if (passes > 100_000) throw new Error("the batch does not end");
      this.onPass(lane);
      for (const family of [4, 6] as const) {
        for (let at = 0; at < lane.messageCount(family); at++)
          messages.push(this.#readMessage(lane, index, family, at));
      }
      for (let at = 0; at < lane.writeCount(); at++) {
        writes.push(this.readWrite(index, lane.writeAddress(at), lane.writeLength(at)));
      }
    }
    return { messages, writes, passes };
  }

  /** What one `writev` with this list would write. */
  readWrite(index: 0 | 1, address: number, length: number): Written {
    const bytes = this.#gather(index, BigInt(address), length);
    return { virtio: decodeVirtio(bytes), packet: bytes.slice(10) };
  }

  #readMessage(lane: Lane, index: 0 | 1, family: OuterFamily, at: number): SentMessage {
    const message = this.#inside(index, BigInt(lane.messageAddress(family, at)), 64);
    const view = this.#view;
    const name = this.#inside(index, view.getBigUint64(message, true), view.getUint32(message + 8, true));
    const iovecCount = Number(view.getBigUint64(message + 24, true));
    const payload = this.#gather(index, view.getBigUint64(message + 16, true), iovecCount);
    if (payload.length > 65_507) throw new RangeError(`a message of ${payload.length} bytes`);

    const controlLength = Number(view.getBigUint64(message + 40, true));
    let segmentSize: number | null = null;
    if (controlLength > 0) {
      const control = this.#inside(index, view.getBigUint64(message + 32, true), controlLength);
      const header = [
        view.getBigUint64(control, true),
        view.getInt32(control + 8, true),
        view.getInt32(control + 12, true),
      ];
      if (header.join() !== "18,17,103") throw new Error(`control header ${header.join()}`);
      segmentSize = view.getUint16(control + 16, true);
    }
    const size = segmentSize ?? payload.length;
    const datagrams: Uint8Array[] = [];
    for (let offset = 0; offset < payload.length; offset += size)
      datagrams.push(payload.slice(offset, offset + size));
    if (datagrams.length > 64) throw new RangeError(`a message of ${datagrams.length} datagrams`);
    const isV4 = family === 4;
    if (view.getUint16(name, true) !== (isV4 ? 2 : 10)) throw new Error("socket address of the wrong family");
    const ip = ipFromBytes(this.#bytes.slice(name + (isV4 ? 4 : 8), name + (isV4 ? 8 : 24)));
    return { to: { ip, port: view.getUint16(name + 2) }, datagrams, segmentSize };
  }

  #gather(index: 0 | 1, address: bigint, count: number): Uint8Array {
    if (count > IOVECS_MAX || count < 1) throw new RangeError(`${count} iovecs`);
    const list = this.#inside(index, address, count * 16);
    const parts: Uint8Array[] = [];
    for (let iovec = list; iovec < list + count * 16; iovec += 16) {
      const length = Number(this.#view.getBigUint64(iovec + 8, true));
      const at = this.#inside(index, this.#view.getBigUint64(iovec, true), length);
      parts.push(this.#bytes.slice(at, at + length));
    }
    return concat(...parts);
  }

  /** The offset of a native address, if `length` bytes from there are inside the lane. */
  #inside(index: 0 | 1, address: bigint, length: number): number {
    const offset = Number(address - NATIVE_BASE);
    const start = this.shared.lanes[index]?.start ?? 0;
    const end = start + (index === 0 ? EGRESS_LANE_BYTES : INGRESS_LANE_BYTES);
    if (offset < start || offset + length > end) {
      throw new RangeError(`${length} bytes at ${offset} are outside the lane ${start} to ${end}`);
    }
    return offset;
  }

  #deliver(index: number, { from, bytes, groSize, isCut }: Received): void {
    if (bytes.length > RECEIVE_SLOT_BYTES) throw new RangeError(`a datagram of ${bytes.length} bytes`);
    const lane = this.shared.lanes[1]?.start ?? 0;
    const message = this.#ingress.receiveAddress(index) - Number(NATIVE_BASE);
    this.#bytes.set(bytes, lane + RECEIVE_SLOTS_AT + index * RECEIVE_STRIDE);
    const name = lane + RECEIVE_NAMES_AT + index * 32;
    this.#view.setUint16(name, isIpv4(from.ip) ? 2 : 10, true);
    this.#view.setUint16(name + 2, from.port);
    this.#bytes.set(ipToBytes(from.ip), name + (isIpv4(from.ip) ? 4 : 8));
    this.#view.setBigUint64(message + 40, groSize === undefined ? 0n : 24n, true);
    if (groSize !== undefined) {
      const control = lane + RECEIVE_CONTROLS_AT + index * 64;
      this.#view.setBigUint64(control, 20n, true);
      this.#view.setInt32(control + 8, 17, true);
      this.#view.setInt32(control + 12, 104, true);
      this.#view.setInt32(control + 16, groSize, true);
    }
    this.#view.setUint32(message + 48, isCut ? 0x20 : 0, true);
    this.#view.setUint32(message + 56, bytes.length, true);
  }
}

function joinOutputs(outputs: readonly Output[]): Output {
  return {
    messages: outputs.flatMap((output) => output.messages),
    writes: outputs.flatMap((output) => output.writes),
    passes: outputs.reduce((sum, output) => sum + output.passes, 0),
  };
}
