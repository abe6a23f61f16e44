/** UDP to TUN. A batch: `prepare`, one `recvmmsg`, then pass and write until `pass` says that the batch is done. */
import { MESSAGE_BYTES, RECEIVE_MAX, RECEIVE_MESSAGES_AT } from "./assembly/layout.ts";
import { Lane } from "./lane.ts";

export class IngressLane extends Lane {
  /** Messages that one `recvmmsg` may bring. */
  readonly receiveMax = RECEIVE_MAX;
  #begun = false;

  /** Makes the first `count` messages ready; to be called again with as many as the last call brought. */
  prepare(count: number = RECEIVE_MAX): void {
    this.exports.prepareReceive(count);
  }

  /** The array of struct mmsghdr for `recvmmsg`. */
  receiveAddress(index = 0): number {
    return this.nativeBase + this.start + RECEIVE_MESSAGES_AT + index * MESSAGE_BYTES;
  }

  /**
   * Works on `received` messages until its output is full or all is done; true when all is done. Either way writes
   * and messages (ICMP errors to peers) are to be sent before anything else.
   */
  pass(received: number, nowMs: number): boolean {
    if (!this.#begun) this.exports.ingressBegin(received);
    const isDone = this.exports.ingressPass(nowMs) !== 0;
    this.#begun = !isDone;
    return isDone;
  }
}
