/** A fake kernel: a function from the requests of one send to the datagrams that answer it. */
import { encodeLink, type LinkMessage, RTM_LINK } from "../../src/kernel/netlink/link.ts";
import { type Message, NLM_F, NLMSG, readMessages, writeMessages } from "../../src/kernel/netlink/message.ts";
import type { EventTransport, Received, RequestTransport } from "../../src/kernel/netlink/transport.ts";

/** An entry of a socket's queue: a datagram, or the report that one is missing. */
export type Queued = Uint8Array | "overrun" | "truncated";

/** The receiving half of a socket, filled by hand. */
class Queue {
  readonly #queued: Queued[] = [];
  /** One buffer for all, as in the real socket: bytes are valid only until the next call. */
  readonly #buffer = new Uint8Array(64 * 1024);
  isClosed = false;

  push(...items: readonly Queued[]): void {
    this.#queued.push(...items);
  }

  receive(): Received {
    this.#buffer.fill(0xff);
    const next = this.#queued.shift();
    if (next === undefined) return { kind: "empty" };
    if (typeof next === "string") return { kind: next };
    this.#buffer.set(next);
    return { kind: "datagram", bytes: this.#buffer.subarray(0, next.length) };
  }

  close(): void {
    this.isClosed = true;
  }
}

export class FakeRequests extends Queue implements RequestTransport {
  /** Every send so far, with the messages in it. */
  readonly sends: Message[][] = [];
  readonly #answer: (requests: readonly Message[]) => readonly Queued[];

  constructor(answer: (requests: readonly Message[]) => readonly Queued[]) {
    super();
    this.#answer = answer;
  }

  send(datagram: Uint8Array): void {
    const requests = readMessages(datagram.slice());
    this.sends.push(requests);
    this.push(...this.#answer(requests));
  }
}

export class FakeEvents extends Queue implements EventTransport {
  #wake: () => void = () => {};

  override push(...items: readonly Queued[]): void {
    super.push(...items);
    this.#wake();
  }

  readable(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      signal.throwIfAborted();
      const abort = () => reject(signal.reason);
      this.#wake = () => {
        signal.removeEventListener("abort", abort);
        resolve();
      };
      signal.addEventListener("abort", abort, { once: true });
    });
  }
}

export interface RefusalOptions {
  /** The kernel's error text. */
  readonly text?: string;
  /** Without the request's body, as with NETLINK_CAP_ACK. */
  readonly capped?: boolean;
}

/** An acknowledgement: errno 0 for success. */
export function acknowledge(request: Message, errno = 0, options: RefusalOptions = {}): Message {
  const { text, capped = errno === 0 } = options;
  const quoted = capped ? writeMessages([{ ...request, body: new Uint8Array(0) }]) : writeMessages([request]);
  const tlvs = text === undefined ? new Uint8Array(0) : textAttribute(text);
  const body = new Uint8Array(4 + quoted.length + tlvs.length);
  new DataView(body.buffer).setInt32(0, -errno, true);
  body.set(quoted, 4);
  body.set(tlvs, 4 + quoted.length);
  const flags = (capped ? NLM_F.capped : 0) | (text === undefined ? 0 : NLM_F.ackTlvs);
  return { type: NLMSG.error, flags, sequence: request.sequence, body };
}

/** NLMSGERR_ATTR_MSG */
function textAttribute(text: string): Uint8Array {
  const value = new TextEncoder().encode(`${text}\0`);
  const bytes = new Uint8Array((4 + value.length + 3) & ~3);
  bytes.set([4 + value.length, 0, 1, 0]);
  bytes.set(value, 4);
  return bytes;
}

/** One entry of a dump. */
export function entry(request: Message, type: number, body: Uint8Array, flags = 0): Message {
  return { type, flags: NLM_F.multi | flags, sequence: request.sequence, body };
}

/** The end of a dump. */
export function done(request: Message, errno = 0): Message {
  const body = new Uint8Array(Int32Array.of(-errno).buffer);
  return { type: NLMSG.done, flags: NLM_F.multi, sequence: request.sequence, body };
}

export function datagram(...messages: readonly Message[]): Uint8Array {
  return writeMessages(messages);
}

/** A notification. */
export function event(type: number, body: Uint8Array): Uint8Array {
  return datagram({ type, flags: 0, sequence: 0, body });
}

export function linkEvent(link: LinkMessage, type: number = RTM_LINK.new): Uint8Array {
  return event(type, encodeLink(link));
}

/** Answers every request of a send with success, each in a datagram of its own as the kernel does. */
export function acceptAll(requests: readonly Message[]): Queued[] {
  return requests.map((request) => datagram(acknowledge(request)));
}
