/**
 * A netlink socket as the protocol sees it: datagrams out and datagrams in. `LinuxTransport` is the real one; a
 * test passes a function from requests to replies.
 */
export interface DatagramSource {
  /** The next datagram without waiting for one. */
  receive(): Received;
  close(): void;
}

export type Received =
  /** The bytes are valid until the next call of `receive`: they are the receive buffer. */
  | { readonly kind: "datagram"; readonly bytes: Uint8Array }
  /** Nothing is waiting. */
  | { readonly kind: "empty" }
  /** The kernel dropped datagrams because nobody read fast enough (ENOBUFS). */
  | { readonly kind: "overrun" }
  /** A datagram was larger than the buffer and is lost; the next one of its size will fit. */
  | { readonly kind: "truncated" };

/**
 * For requests. The kernel works on them within `send`, and its answers wait when it returns; of a dump the rest
 * follows as the first part is read. So no call ever waits here.
 */
export interface RequestTransport extends DatagramSource {
  /** @throws TweedError with the errno's name for a code */
  send(datagram: Uint8Array): void;
  /**
   * Gives up whatever waits: its answers do not come, or cannot be read. The next request goes out by a new
   * socket.
   */
  reopen?(): void;
}

/** For notifications. */
export interface EventTransport extends DatagramSource {
  /** Resolves when there may be something to receive; rejects with the signal's reason when it aborts. */
  readable(signal: AbortSignal): Promise<void>;
}
