/**
 * TUN to UDP. A batch: read packets to `readAddress()` until the TUN is empty or the lane is full, then pass and
 * send until `pass` returns true.
 *
 * ```ts
 * for (let at = lane.readAddress(); at !== 0; at = lane.readAddress()) {
 *   const length = read(tun, at, lane.readBytes);
 *   if (length < 0) break;
 *   lane.accept(length);
 * }
 * while (!lane.pass(clock.nowMs())) send(lane); // and once more after the last
 * ```
 */
import { EGRESS_INPUT_AT, EGRESS_INPUT_BYTES, READ_MAX, READS_AT, READS_MAX } from "./assembly/layout.ts";
import type { SharedFastPath } from "./fast-path.ts";
import { Lane } from "./lane.ts";

/**
 * Each read starts near a cache line, offset so that the packet behind the 10-byte virtio-net header is aligned to 16.
 */
const READ_ALIGNMENT = 64;
const READ_SHIFT = 6;

export class EgressLane extends Lane {
  /** Size of a read: a virtio-net header and 65,535 bytes, rounded up. */
  readonly readBytes = READ_MAX;
  readonly #input: number;
  readonly #reads: number;
  #used = 0;
  #count = 0;
  #begun = false;

  constructor(shared: SharedFastPath, index: number, nativeBase: bigint) {
    super(shared, index, nativeBase);
    this.#input = this.start + EGRESS_INPUT_AT + READ_SHIFT;
    this.#reads = (this.start + READS_AT) >>> 2;
  }

  /** Native address of the buffer for the next packet; 0 when the batch is full. */
  readAddress(): number {
    const isFull = this.#count === READS_MAX || this.#used + READ_SHIFT + READ_MAX > EGRESS_INPUT_BYTES;
    return isFull ? 0 : this.nativeBase + this.#input + this.#used;
  }

  /** Adds the `length` bytes that were read to the last `readAddress()`. */
  accept(length: number): void {
    const entry = this.#reads + this.#count * 2;
    this.words[entry] = this.#input + this.#used;
    this.words[entry + 1] = length;
    this.#count++;
    this.#used += (length + READ_SHIFT + READ_ALIGNMENT - 1) & -READ_ALIGNMENT;
  }

  /** Packets in this batch. */
  get accepted(): number {
    return this.#count;
  }

  /**
   * Processes the batch until it is done or the output is full. Returns true when it is done: the next `readAddress()`
   * begins another batch. In both cases send the messages and writes before the next call.
   */
  pass(nowMs: number): boolean {
    if (!this.#begun) this.exports.egressBegin(this.#count);
    const isDone = this.exports.egressPass(nowMs) !== 0;
    this.#begun = !isDone;
    if (isDone) {
      this.#count = 0;
      this.#used = 0;
    }
    return isDone;
  }
}
