/** UDP to TUN. A batch: `prepare`, one `recvmmsg`, then pass and write until `pass` returns true. */
import { MESSAGE_BYTES, RECEIVE_MAX, RECEIVE_MESSAGES_AT } from "./assembly/layout.ts";
import { Lane } from "./lane.ts";

export class IngressLane extends Lane {
  /** Maximum number of messages in one `recvmmsg`. */
  readonly receiveMax = RECEIVE_MAX;
  #begun = false;

  /** Prepares the first `count` messages. Call it again for as many as the last `recvmmsg` filled. */
  prepare(count: number = RECEIVE_MAX): void {
    this.exports.prepareReceive(count);
  }

  /** The array of struct mmsghdr for `recvmmsg`. */
  receiveAddress(index = 0): number {
    return this.nativeBase + this.start + RECEIVE_MESSAGES_AT + index * MESSAGE_BYTES;
  }

  /**
   * Processes `received` messages until all are done or the output is full. Returns true when all are done. In both
   * cases send the writes and messages (ICMP errors to peers) before the next call.
   */
  pass(received: number, nowMs: number): boolean {
    if (!this.#begun) this.exports.ingressBegin(received);
    const isDone = this.exports.ingressPass(nowMs) !== 0;
    this.#begun = !isDone;
    return isDone;
  }
}
