/** The host's end of a stream, as grpc-js shows it: messages in order, until the first error. */
import type { IDuplexStream } from "etcd3";
import type { Life } from "../life.ts";
import type { Connection } from "./connection.ts";
import { RpcError } from "./rpc-error.ts";

/** The server's end. */
export interface StreamHandler<Request> {
  receive(request: Request): void;
  close(): void;
}

type Listener = (item: never) => void;

export class ClientStream<Request, Response> implements IDuplexStream<Request, Response> {
  readonly #connection: Connection;
  readonly #isWatch: boolean;
  readonly #open: (send: (response: Response) => void) => StreamHandler<Request>;
  readonly #sizeOf: (response: Response) => number;
  readonly #life: Life;
  readonly #listeners = new Map<string, Listener[]>();
  readonly #end: () => void;
  #handler: StreamHandler<Request> | null = null;
  #isOver = false;
  /** When the last message in each direction arrives: none overtakes it. */
  #sentMs = 0;
  #receivedMs = 0;

  /** @param open opens the server's end, with the first message that arrives there */
  constructor(
    connection: Connection,
    life: Life,
    kind: { readonly isWatch: boolean; readonly sizeOf: (response: Response) => number },
    open: (send: (response: Response) => void) => StreamHandler<Request>,
  ) {
    this.#connection = connection;
    this.#life = life;
    this.#isWatch = kind.isWatch;
    this.#sizeOf = kind.sizeOf;
    this.#open = open;
    this.#end = connection.begin({ isStream: true, fail: (error) => this.fail(error) });
  }

  on(event: "data" | "end" | "status" | "error", listener: Listener): this {
    const listeners = this.#listeners.get(event) ?? [];
    this.#listeners.set(event, [...listeners, listener]);
    return this;
  }

  write(request: Request): void {
    const { time, latencyMs } = this.#delays();
    const delayMs = () => {
      this.#sentMs = Math.max(this.#sentMs, time.nowMs + latencyMs());
      return this.#sentMs - time.nowMs;
    };
    const arrive = () => {
      if (this.#isOver) return;
      try {
        this.#handler ??= this.#open((response) => this.#send(response));
        this.#handler.receive(request);
      } catch (error) {
        if (!(error instanceof RpcError)) throw error;
        this.#connection.reply(() => this.fail(error));
      }
    };
    this.#connection.send(arrive, () => !this.#isOver, delayMs);
  }

  end(): void {}

  cancel(): void {
    this.fail(new RpcError("CANCELLED", "Cancelled on client"));
  }

  fail(error: RpcError): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#end();
    this.#handler?.close();
    this.#emit("error", error);
  }

  #send(response: Response): void {
    const { network, host } = this.#connection;
    const { time, latencyMs } = this.#delays();
    const delayMs = () => {
      const lagMs = this.#isWatch ? network.watchDelayMs(host) : 0;
      this.#receivedMs = Math.max(this.#receivedMs, time.nowMs + latencyMs() + lagMs);
      return this.#receivedMs - time.nowMs;
    };
    const arrive = () => {
      if (this.#isOver) return;
      const bytes = this.#sizeOf(response);
      if (bytes <= network.maxAnswerBytes) this.#emit("data", response);
      else this.fail(answerTooLarge(bytes, network.maxAnswerBytes));
    };
    this.#connection.reply(arrive, delayMs, this.#isWatch);
  }

  #delays() {
    const { network } = this.#connection;
    return { time: network.time, latencyMs: () => network.latencyMs() };
  }

  #emit(event: string, item: unknown): void {
    const { network, host } = this.#connection;
    const tell = this.#life.guarded(() => {
      for (const listener of this.#listeners.get(event) ?? []) (listener as (item: unknown) => void)(item);
    });
    network.whenRunning(host, tell);
  }
}

/** In grpc-js's words. */
export function answerTooLarge(bytes: number, maxBytes: number): RpcError {
  return new RpcError("RESOURCE_EXHAUSTED", `Received message larger than max (${bytes} vs ${maxBytes})`);
}
