import * as index from "./assembly/counter-index.ts";
import { COUNTERS_AT, COUNTERS_BYTES } from "./assembly/layout.ts";

/**
 * The counters that the worker itself increments, beside those of the fast path: sends and writes that the kernel
 * refused.
 */
export class LossCounters {
  readonly #block: BigUint64Array;

  constructor(memory: WebAssembly.Memory, lane: number) {
    this.#block = new BigUint64Array(memory.buffer, COUNTERS_AT + lane * COUNTERS_BYTES, COUNTERS_BYTES / 8);
  }

  countSend(): void {
    this.#add(index.LOST_SEND, 1);
  }

  countWrites(packets: number): void {
    this.#add(index.LOST_WRITE, packets);
  }

  /** Only the lane's worker writes its block; the main thread reads it with Atomics.load. */
  #add(place: number, amount: number): void {
    this.#block[place] = (this.#block[place] as bigint) + BigInt(amount);
  }
}
