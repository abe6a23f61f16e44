/**
 * One HTTP request of a simulated daemon and its answer. The server writes to it as to any {@link Reply}; what it
 * writes arrives later, in order, and not while a fault holds it back. The time-outs are the client's.
 */
import type { HttpRequest, HttpResponse } from "../../../src/lease/kubernetes/transport.ts";
import type { Reply } from "../../support/kube-api/exchange.ts";
import type { SimulatedTime } from "../../support/simulated-time.ts";
import { Deferred } from "./deferred.ts";
import type { HostLink } from "./host-link.ts";
import { ResponseBody } from "./response-body.ts";

type Content =
  | { readonly kind: "begin"; readonly status: number; readonly retryAfter: string | undefined }
  | { readonly kind: "text"; readonly parts: string[] }
  | { readonly kind: "end"; readonly error: Error | null };

interface Frame {
  readonly writtenMs: number;
  readonly dueMs: number;
  readonly content: Content;
}

/** A server closes the watch of a client that does not read. */
const MAX_FRAMES = 1_000;

export interface ExchangeParts {
  readonly time: SimulatedTime;
  readonly link: HostLink;
  /** Whether the server itself delivers nothing now. */
  readonly isServerHanging: () => boolean;
}

export class SimulatedExchange implements Reply {
  readonly request: HttpRequest;
  readonly link: HostLink;
  readonly isWatch: boolean;
  /** Resolves when the answer begins. */
  readonly begun: Promise<HttpResponse>;
  readonly #parts: ExchangeParts;
  readonly #answer = new Deferred<HttpResponse>();
  readonly #body = new ResponseBody(() => this.destroy());
  readonly #gone = new AbortController();
  #frames: Frame[] = [];
  #takeBackDelivery: (() => void) | null = null;
  #takeBackTimeout: (() => void) | null = null;
  #lastMs: number;
  #hasBegun = false;
  #isOver = false;
  #isAnswered = false;
  #isEnded = false;

  constructor(request: HttpRequest, parts: ExchangeParts) {
    this.request = request;
    this.link = parts.link;
    this.isWatch = request.path.includes("watch=");
    this.begun = this.#answer.promise;
    this.#parts = parts;
    this.#lastMs = parts.time.nowMs;
    this.link.exchanges.add(this);
    this.#watchSilence();
  }

  /** Aborts when the client has closed the connection. */
  get gone(): AbortSignal {
    return this.#gone.signal;
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** Whether the server has begun to answer; that may not have arrived yet. */
  get isAnswered(): boolean {
    return this.#isAnswered;
  }

  begin(status: number, headers: Readonly<Record<string, string>>): void {
    this.#isAnswered = true;
    this.#send({ kind: "begin", status, retryAfter: headers["retry-after"] });
  }

  write(chunk: string | Buffer): void {
    const text = String(chunk);
    const last = this.#frames.at(-1);
    const isTogether = last?.content.kind === "text" && last.writtenMs === this.#parts.time.nowMs;
    if (isTogether && last.content.kind === "text") last.content.parts.push(text);
    else this.#send({ kind: "text", parts: [text] });
  }

  end(): void {
    this.#send({ kind: "end", error: null });
  }

  /** The server's host resets the connection. What is under way still arrives before. */
  reset(error: Error): void {
    this.#send({ kind: "end", error });
  }

  /** Nothing was acknowledged for so long, so the client's kernel gives the connection up. */
  expire(afterMs: number): void {
    if (this.#hasBegun && this.#parts.time.nowMs >= this.#lastMs + afterMs)
      this.fail(new Error("read ETIMEDOUT"));
  }

  /** To be called when what held back the answer may have ended. */
  resume(): void {
    this.#deliverLater();
  }

  /** The client sees this error at once. */
  fail(error: Error): void {
    if (this.#isOver) return;
    this.#close();
    this.#answer.reject(error);
    this.#body.finish(error);
  }

  /** The client closes the connection; it reads nothing more. */
  destroy(): void {
    if (this.#isOver) return;
    this.#close();
    this.#body.finish(null);
  }

  #close(): void {
    this.#isOver = true;
    this.#frames = [];
    this.#takeBackDelivery?.();
    this.#takeBackTimeout?.();
    this.link.exchanges.delete(this);
    this.#gone.abort();
  }

  get #isHeld(): boolean {
    const { link, isServerHanging } = this.#parts;
    return link.cut !== null || isServerHanging() || (this.isWatch && link.isWatchSilent && this.#hasBegun);
  }

  #send(content: Content): void {
    if (this.#isOver || this.#isEnded) return;
    const { time, link } = this.#parts;
    const last = this.#frames.at(-1);
    const delayMs = this.isWatch && content.kind !== "begin" ? link.watchDelayMs : 0;
    const dueMs = Math.max(last?.dueMs ?? 0, time.nowMs + link.latencyMs() + delayMs);
    this.#frames.push({ writtenMs: time.nowMs, dueMs, content });
    if (content.kind === "end") this.#isEnded = true;
    else if (this.#frames.length > MAX_FRAMES) this.#dropSlowClient();
    this.#deliverLater();
  }

  #dropSlowClient(): void {
    this.#frames.length = MAX_FRAMES / 2;
    this.reset(new Error("aborted"));
    this.#gone.abort();
  }

  #deliverLater(): void {
    const [next] = this.#frames;
    if (next === undefined || this.#takeBackDelivery !== null || this.#isOver || this.#isHeld) return;
    const { time } = this.#parts;
    this.#takeBackDelivery = time.wakeAt(Math.max(time.nowMs, next.dueMs), () => {
      this.#takeBackDelivery = null;
      this.#deliver();
      this.#deliverLater();
    });
  }

  #deliver(): void {
    for (;;) {
      const [next] = this.#frames;
      if (next === undefined || next.dueMs > this.#parts.time.nowMs || this.#isOver || this.#isHeld) return;
      this.#frames.shift();
      this.#lastMs = this.#parts.time.nowMs;
      this.#receive(next.content);
    }
  }

  #receive(content: Content): void {
    switch (content.kind) {
      case "begin":
        this.#hasBegun = true;
        this.#watchSilence();
        this.#answer.resolve({
          status: content.status,
          retryAfter: content.retryAfter,
          chunks: this.#body,
          destroy: () => this.destroy(),
        });
        return;
      case "text":
        this.#body.push(Buffer.from(content.parts.join("")));
        return;
      case "end":
        if (content.error !== null) this.fail(content.error);
        else {
          this.#body.finish(null);
          this.#close();
        }
    }
  }

  /** As a socket's time-out: whatever arrives starts it anew. */
  #watchSilence(): void {
    this.#takeBackTimeout?.();
    const { time } = this.#parts;
    const { answerMs, silenceMs } = this.request;
    const allowedMs = this.#hasBegun ? silenceMs : answerMs;
    this.#takeBackTimeout = time.wakeAt(this.#lastMs + allowedMs, () => {
      this.#takeBackTimeout = null;
      if (time.nowMs < this.#lastMs + allowedMs) this.#watchSilence();
      else this.fail(new Error(`no data received for ${allowedMs / 1000} s`));
    });
  }
}
