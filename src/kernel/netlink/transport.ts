/**
 * A netlink socket as the protocol uses it: it sends and receives datagrams. `LinuxTransport` is the real one; a test
 * passes a function from requests to replies.
 */
export interface DatagramSource {
  /** The next datagram; never blocks. */
  receive(): Received;
  close(): void;
}

export type Received =
  /** The bytes are valid until the next call of `receive`: they are the receive buffer. */
  | { readonly kind: "datagram"; readonly bytes: Uint8Array }
  /** No datagram is queued. */
  | { readonly kind: "empty" }
  /** The kernel dropped datagrams because they were not read fast enough (ENOBUFS). */
  | { readonly kind: "overrun" }
  /** A datagram was larger than the buffer and is lost; the next one of its size will fit. */
  | { readonly kind: "truncated" };

/**
 * For requests. The kernel handles them within `send`, and its answers are queued when it returns; the rest of a dump
 * follows as its first part is read. So no call ever blocks.
 */
export interface RequestTransport extends DatagramSource {
  /** @throws TweedError with the errno's name for a code */
  send(datagram: Uint8Array): void;
  /**
   * Discards all queued answers; called when answers are missing or cannot be decoded. The next request uses a new
   * socket.
   */
  reopen?(): void;
}

/** For notifications. */
export interface EventTransport extends DatagramSource {
  /** Resolves when a datagram may be queued; rejects with the signal's reason when it aborts. */
  readable(signal: AbortSignal): Promise<void>;
}
