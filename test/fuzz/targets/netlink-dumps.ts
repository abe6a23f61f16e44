/** The answers to all dumps of the kernel's state, through the real request socket on datagrams from the input. */
import { type Message, NLMSG, readMessages, writeMessages } from "../../../src/kernel/netlink/message.ts";
import { observe } from "../../../src/kernel/netlink/observe.ts";
import { RequestSocket } from "../../../src/kernel/netlink/request-socket.ts";
import type { Received, RequestTransport } from "../../../src/kernel/netlink/transport.ts";
import { expectPlain } from "../plain-data.ts";
import { type FuzzTarget, invariant } from "../target.ts";
import { DUMPS, NETLINK_WORDS, rawBytes } from "./netlink-samples.ts";

/** A datagram of the input: its length in 16 bits, then its bytes. */
const LENGTH_BYTES = 2;
/** Length, type and flags of a header come first. */
const SEQUENCE_AT = 8;
const EMPTY = { kind: "empty" } as const;
const LOST = { kind: "overrun" } as const;

/** Datagrams with their lengths; a length of 0 stands for one that was lost, and 0xffff for the end of an answer. */
export const netlinkDumps: FuzzTarget = {
  name: "netlink-dumps",
  grammar: "bytes",
  seeds: [
    answersOf(DUMPS),
    ...DUMPS.map((dump, index) => answersOf([...DUMPS.slice(0, 1), ...DUMPS.slice(0, index), dump])),
  ],
  words: [...NETLINK_WORDS, ...["\xff\xff", "\0\0"].map(rawBytes)],
  refusals: /^(?:netlink-[a-z-]+|E[A-Z0-9]+)$/,
  maxBytes: 64 * 1024,
  async run(input) {
    const state = await observe(new RequestSocket(new Answers(input), { turn: () => Promise.resolve() }));
    expectPlain(state);
    const { links, addresses, routes, neighbours, fdb } = state;
    // No object takes fewer than some ten bytes; a dump may be repeated, and asks for several devices.
    const objects = links.length + addresses.length + routes.length + neighbours.length + fdb.length;
    invariant(objects <= input.length, "no more objects than bytes");
    return undefined;
  },
};

/** Each request gets the next datagrams up to the end of an answer, and then always an end, as from a kernel. */
class Answers implements RequestTransport {
  readonly #input: Uint8Array;
  #at = 0;
  #pending: Received[] = [];
  /** To shift one off thousands would move the others each time. */
  #given = 0;
  #request: Message | null = null;

  constructor(input: Uint8Array) {
    this.#input = input;
  }

  send(datagram: Uint8Array): void {
    [this.#request = null] = readMessages(datagram);
    this.#pending = [];
    this.#given = 0;
    for (;;) {
      const next = this.#next();
      if (next === null) break;
      this.#pending.push(next);
    }
    const sequence = this.#request?.sequence ?? 0;
    const done = { type: NLMSG.done, flags: 2, sequence, body: new Uint8Array(4) };
    this.#pending.push({ kind: "datagram", bytes: writeMessages([done]) });
  }

  receive(): Received {
    return this.#pending[this.#given++] ?? EMPTY;
  }

  close(): void {}

  #next(): Received | null {
    const input = this.#input;
    if (this.#at + LENGTH_BYTES > input.length) return null;
    const length = (input[this.#at] as number) | ((input[this.#at + 1] as number) << 8);
    this.#at += LENGTH_BYTES;
    if (length === 0xffff) return null;
    if (length === 0) return LOST;
    const bytes = input.slice(this.#at, this.#at + length);
    this.#at += length;
    this.#address(bytes);
    return { kind: "datagram", bytes };
  }

  /** Gives the messages the number of the request, unless they are marked as foreign by one of their own. */
  #address(datagram: Uint8Array): void {
    const view = new DataView(datagram.buffer, datagram.byteOffset, datagram.length);
    for (let at = 0; at + 16 <= datagram.length; ) {
      if (view.getUint32(at + SEQUENCE_AT, true) === 1)
        view.setUint32(at + SEQUENCE_AT, this.#request?.sequence ?? 0, true);
      const length = view.getUint32(at, true);
      if (length < 16) return;
      at += Math.ceil(length / 4) * 4;
    }
  }
}

function answersOf(dumps: readonly (readonly Message[])[]): Uint8Array {
  return new Uint8Array(
    Buffer.concat(
      dumps.flatMap((messages) => {
        const bytes = writeMessages(messages);
        return [Buffer.of(bytes.length & 0xff, bytes.length >> 8), bytes, Buffer.of(0xff, 0xff)];
      }),
    ),
  );
}
