import { TweedError } from "../../runtime/error.ts";
import type { Received, RequestTransport } from "./transport.ts";

/**
 * A request socket that recovers from failures: a failed socket is closed, and the next request opens another, in the
 * network namespace of the main thread at that time.
 */
export class ReopeningTransport implements RequestTransport {
  readonly #open: () => RequestTransport;
  #inner: RequestTransport | null;
  #isClosed = false;

  /** @throws TweedError when the first one cannot be opened */
  constructor(open: () => RequestTransport) {
    this.#open = open;
    this.#inner = open();
  }

  send(datagram: Uint8Array): void {
    if (this.#isClosed) {
      throw new TweedError({
        code: "EBADF",
        operation: "send netlink request",
        reason: "the socket is closed",
      });
    }
    this.#inner ??= this.#open();
    const inner = this.#inner;
    this.#attempt(() => inner.send(datagram));
  }

  receive(): Received {
    const inner = this.#inner;
    return inner === null ? { kind: "empty" } : this.#attempt(() => inner.receive());
  }

  reopen(): void {
    this.#inner?.close();
    this.#inner = null;
  }

  close(): void {
    this.#isClosed = true;
    this.reopen();
  }

  #attempt<T>(call: () => T): T {
    try {
      return call();
    } catch (error) {
      this.reopen();
      throw error;
    }
  }
}
