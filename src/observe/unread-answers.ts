/** Answers not fully written to the kernel yet, because their clients do not read. */

/** The part of Node's `ServerResponse` that is used. */
export interface Answer {
  once(event: "close", listener: () => void): unknown;
  destroy(): unknown;
}

/** Twenty status documents of a cluster of 5,000 nodes. */
export const MAX_UNREAD_BYTES = 16 * 1024 * 1024;

export class UnreadAnswers {
  /** Bytes of each answer, in the order in which they were begun. */
  readonly #answers = new Map<Answer, number>();
  #bytes = 0;

  get bytes(): number {
    return this.#bytes;
  }

  /** Counts an answer until its client has read it or is gone; at the limit the longest unread ones are closed. */
  begin(response: Answer, bytes: number): void {
    for (const [oldest] of this.#answers) {
      if (this.#bytes + bytes <= MAX_UNREAD_BYTES) break;
      this.#end(oldest);
      oldest.destroy();
    }
    this.#answers.set(response, bytes);
    this.#bytes += bytes;
    response.once("close", () => this.#end(response));
  }

  #end(response: Answer): void {
    this.#bytes -= this.#answers.get(response) ?? 0;
    this.#answers.delete(response);
  }
}
