/**
 * Decides when to delay the next read of the TUN, so that packets accumulate. A flood of small packets, read as fast as
 * it arrives, costs a wake-up, a send, a receive and a write for each packet or two; after a delay of a tenth of a
 * millisecond the same calls carry dozens. Where packets are few, or large, there is no delay.
 */

/** 40 packets in a millisecond: more than the ACKs of the fastest stream, far less than a flood. */
const FLOOD_PACKETS = 40;
const WINDOW_MS = 1;
/** A batch of this size needs no delay. */
const ENOUGH_PACKETS = 64;

export class ReadDelay {
  #windowStartMs = 0;
  #packets = 0;
  #isFlood = false;

  /** @returns true when the next read should be delayed, after a batch of `packets` that emptied the TUN */
  isDue(packets: number, nowMs: number): boolean {
    this.#packets += packets;
    const elapsedMs = nowMs - this.#windowStartMs;
    if (elapsedMs >= WINDOW_MS) {
      this.#isFlood = this.#packets >= FLOOD_PACKETS * elapsedMs;
      this.#windowStartMs = nowMs;
      this.#packets = 0;
    }
    return this.#isFlood && packets < ENOUGH_PACKETS;
  }
}
