/**
 * When to let packets gather before the next look at the TUN. A flood of small packets that is read as fast as it
 * comes costs a wake-up, a send, a receive and a write for each packet or two; after a nap of a tenth of a
 * millisecond the same calls carry dozens. Where packets are few, or large, there is never a nap.
 */

/** 40 packets within a millisecond: more than ACKs of the fastest stream, far less than a flood. */
const FLOOD_PACKETS = 40;
const WINDOW_MS = 1;
/** A batch of this size is worth its calls as it is. */
const ENOUGH_PACKETS = 64;

export class ReadDelay {
  #windowStartMs = 0;
  #packets = 0;
  #isFlood = false;

  /** @returns true when a batch of `packets`, after which the TUN was dry, should be followed by a nap */
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
