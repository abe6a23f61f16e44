import type { Clock } from "../../runtime/clock.ts";
import { TweedError } from "../../runtime/error.ts";
import { errnoError } from "../libc/errno.ts";
import { readAcknowledgement } from "./acknowledgement.ts";
import { chunksOf } from "./chunks.ts";
import { type Message, NLM_F, NLMSG, readMessages, writeMessages } from "./message.ts";
import type { Request } from "./request.ts";
import type { RequestTransport } from "./transport.ts";

/** Result of a request: null on success. */
export type Outcome = TweedError | null;

/**
 * Requests in one send. Each gets an acknowledgement, which takes about 1 KiB of the receive buffer: this many fit even
 * the buffer of an unprivileged socket. A send blocks the main thread for some 3 ms.
 */
const REQUESTS_PER_SEND = 128;
/** A dump arrives in parts of 32 KiB; after this many it yields to the event loop. */
const PARTS_PER_TURN = 4;
const DUMP_ATTEMPTS = 8;
/** No answer, or one that cannot be decoded: the socket is reopened. */
const SOCKET_FAULTS: readonly string[] = ["netlink-no-answer", "netlink-malformed"];

/**
 * Sends requests and matches the answers by sequence number. Calls may overlap: they are serialised, because the kernel
 * runs one dump for each socket.
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
   * Executes the requests in order; a failed one does not stop those after it. They are taken from the iterable as they
   * are sent, so a generator's work is spread too.
   *
   * @throws TweedError when a whole send fails for lack of memory
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
   * Dumps a table and decodes its entries. `decode` returns null for entries to skip, and must not retain the message's
   * bytes.
   *
   * @throws TweedError with the errno's name for a code, `netlink-malformed`, or `netlink-interrupted` (retryable) when
   *   the table kept changing
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

  /** A request with a single answer; errors as {@link dump}. */
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

  /** null when the dump was interrupted or a part was lost. */
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

  /** null when the answer was lost. */
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
   * Runs `work` after all earlier calls. It first discards unread answers: the rest of an abandoned dump would make the
   * kernel refuse the next one as busy.
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
    // The caller gets the failure; the next call only waits for the end.
    this.#turn = result.catch(() => undefined);
    return result;
  }
}

function outcomeOf(request: Request, answer: Message): Outcome {
  const { errno, text } = readAcknowledgement(answer);
  if (errno === 0 || request.doneErrnos.includes(errno)) return null;
  return errnoError(request.operation, errno, text);
}

/** The kernel answers within the call, so the answer was dropped for lack of memory. */
function noAnswer(operation: string): TweedError {
  return new TweedError({
    code: "netlink-no-answer",
    operation,
    reason: "the kernel's answer was lost; the next dump shows the result of the request",
    retryable: true,
  });
}
