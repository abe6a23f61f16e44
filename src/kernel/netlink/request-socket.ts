import type { Clock } from "../../runtime/clock.ts";
import { TweedError } from "../../runtime/error.ts";
import { errnoError } from "../libc/errno.ts";
import { readAcknowledgement } from "./acknowledgement.ts";
import { chunksOf } from "./chunks.ts";
import { type Message, NLM_F, NLMSG, readMessages, writeMessages } from "./message.ts";
import type { Request } from "./request.ts";
import type { RequestTransport } from "./transport.ts";

/** What became of a request: null when done. */
export type Outcome = TweedError | null;

/**
 * Requests in one send. Each is acknowledged by a message of its own, for which the kernel charges about 1 KiB to
 * the receive buffer: this many fit even the buffer that an unprivileged socket gets. The main thread is held for
 * some 3 ms.
 */
const REQUESTS_PER_SEND = 128;
/** A dump comes 32 KiB at a time; after this many parts other work gets its turn. */
const PARTS_PER_TURN = 4;
const DUMP_ATTEMPTS = 8;
/** No answer at all, or none that can be read: another socket may do better. */
const SOCKET_FAULTS: readonly string[] = ["netlink-no-answer", "netlink-malformed"];

/**
 * Asks the kernel and matches its answers by sequence number. Calls may overlap: they take turns, because the
 * kernel runs one dump to a socket.
 */
export class RequestSocket {
  readonly #transport: RequestTransport;
  readonly #clock: Pick<Clock, "turn">;
  #lastSequence = 0;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(transport: RequestTransport, clock: Pick<Clock, "turn">) {
    this.#transport = transport;
    this.#clock = clock;
  }

  /**
   * Carries the requests out in order; a failed one does not stop those behind it. They are taken from the
   * iterable as they are sent, so that one that makes them on the way spreads its work too.
   *
   * @throws TweedError when a send fails as a whole, for want of memory
   */
  execute(requests: Iterable<Request>): Promise<Outcome[]> {
    return this.#inTurn(async () => {
      const outcomes: Outcome[] = [];
      for (const together of chunksOf(requests, REQUESTS_PER_SEND)) {
        outcomes.push(...this.#executeTogether(together));
        await this.#clock.turn();
      }
      return outcomes;
    });
  }

  /**
   * All that `decode` makes of the entries of a table; it returns null for those it does not want, and must keep
   * nothing of the message's bytes.
   *
   * @throws TweedError with the errno's name for a code, `netlink-malformed`, or `netlink-interrupted`
   *   (retryable) when the table kept changing
   */
  dump<T>(request: Request, decode: (message: Message) => T | null): Promise<T[]> {
    return this.#inTurn(async () => {
      for (let attempt = 1; attempt <= DUMP_ATTEMPTS; attempt++) {
        const entries = await this.#dumpOnce(request, decode);
        if (entries !== null) return entries;
      }
      throw new TweedError({
        code: "netlink-interrupted",
        operation: request.operation,
        reason: `the table changed during each of ${DUMP_ATTEMPTS} dumps`,
        retryable: true,
      });
    });
  }

  /** The one answer to a question; errors as {@link dump}. */
  get<T>(request: Request, decode: (message: Message) => T): Promise<T> {
    return this.#inTurn(async () => {
      for (let attempt = 1; attempt <= 2; attempt++) {
        const answer = this.#getOnce(request, decode);
        if (answer !== null) return answer.value;
      }
      throw noAnswer(request.operation);
    });
  }

  close(): void {
    this.#transport.close();
  }

  #executeTogether(requests: readonly Request[]): Outcome[] {
    const messages = requests.map((request) => this.#toMessage(request, NLM_F.ack));
    const unanswered = new Map(messages.map(({ sequence }, index) => [sequence, index]));
    const outcomes = new Array<Outcome>(requests.length).fill(null);
    this.#transport.send(writeMessages(messages));
    for (let answers = this.#receive(); answers !== "empty"; answers = this.#receive()) {
      if (answers === "lost") continue;
      for (const answer of answers) {
        const index = unanswered.get(answer.sequence);
        if (index === undefined || answer.type !== NLMSG.error) continue;
        outcomes[index] = outcomeOf(requests[index] as Request, answer);
        unanswered.delete(answer.sequence);
      }
      if (unanswered.size === 0) break;
    }
    for (const index of unanswered.values())
      outcomes[index] = noAnswer((requests[index] as Request).operation);
    return outcomes;
  }

  /** null when the dump was interrupted or a part of it got lost. */
  async #dumpOnce<T>(request: Request, decode: (message: Message) => T | null): Promise<T[] | null> {
    const question = this.#toMessage(request, NLM_F.dump);
    this.#transport.send(writeMessages([question]));
    const entries: T[] = [];
    let isWhole = true;
    for (let part = 1; ; part++) {
      const answers = this.#receive();
      if (answers === "empty") throw noAnswer(request.operation);
      if (answers === "lost") {
        isWhole = false;
        continue;
      }
      for (const answer of answers) {
        if (answer.sequence !== question.sequence) continue;
        if ((answer.flags & NLM_F.dumpInterrupted) !== 0) isWhole = false;
        if (answer.type === NLMSG.done || answer.type === NLMSG.error) {
          const failure = outcomeOf(request, answer);
          if (failure !== null) throw failure;
          return isWhole ? entries : null;
        }
        const entry = isWhole ? decode(answer) : null;
        if (entry !== null) entries.push(entry);
      }
      if (part % PARTS_PER_TURN === 0) await this.#clock.turn();
    }
  }

  /** null when the answer got lost on its way. */
  #getOnce<T>(request: Request, decode: (message: Message) => T): { readonly value: T } | null {
    const question = this.#toMessage(request, 0);
    this.#transport.send(writeMessages([question]));
    for (;;) {
      const answers = this.#receive();
      if (answers === "empty" || answers === "lost") return null;
      const answer = answers.find(({ sequence }) => sequence === question.sequence);
      if (answer === undefined) continue;
      if (answer.type !== NLMSG.error) return { value: decode(answer) };
      throw outcomeOf(request, answer) ?? noAnswer(request.operation);
    }
  }

  #receive(): readonly Message[] | "empty" | "lost" {
    const received = this.#transport.receive();
    if (received.kind === "datagram") return readMessages(received.bytes);
    return received.kind === "empty" ? "empty" : "lost";
  }

  /** Sequence numbers wrap past 32 bits; 0 is for notifications. */
  #toMessage(request: Request, flags: number): Message {
    this.#lastSequence = this.#lastSequence >= 0xffff_ffff ? 1 : this.#lastSequence + 1;
    return {
      type: request.type,
      flags: NLM_F.request | flags | request.flags,
      sequence: this.#lastSequence,
      body: request.body,
    };
  }

  /**
   * Runs `work` when those before it are through. What an earlier one left unread is thrown away first: the rest
   * of a dump that was given up would make the kernel refuse the next one as busy.
   */
  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#turn.then(async () => {
      while (this.#transport.receive().kind !== "empty");
      try {
        return await work();
      } catch (error) {
        if (error instanceof TweedError && SOCKET_FAULTS.includes(error.code)) this.#transport.reopen?.();
        throw error;
      }
    });
    // Whoever called sees the failure; the next in line only waits for the end.
    this.#turn = result.catch(() => undefined);
    return result;
  }
}

function outcomeOf(request: Request, answer: Message): Outcome {
  const { errno, text } = readAcknowledgement(answer);
  if (errno === 0 || request.doneErrnos.includes(errno)) return null;
  return errnoError(request.operation, errno, text);
}

/** The kernel answers within the call, so this means that the answer was dropped for want of memory. */
function noAnswer(operation: string): TweedError {
  return new TweedError({
    code: "netlink-no-answer",
    operation,
    reason: "the kernel's answer was lost; what became of the request shows in the next dump",
    retryable: true,
  });
}
