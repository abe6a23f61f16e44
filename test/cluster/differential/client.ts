/** A client of one server, over HTTPS like every client. */
import type { JsonObject, JsonValue } from "../../../src/runtime/json.ts";
import { type ApiAnswer, type ApiRequest, sendRequest } from "../../support/kube-api/api-request.ts";
import { isWatch, type Requester, resolved, type Step } from "./step.ts";

export interface Answer {
  readonly status: number;
  readonly body: JsonValue;
  /** Events of a watch; null for other requests. */
  readonly events: readonly JsonValue[] | null;
}

export interface ServerAccess {
  readonly url: string;
  readonly ca: Buffer;
  readonly tokens: Readonly<Record<Requester, string | null>>;
}

/** @param onBegin called once the answer has begun */
export type Send = (
  token: string | null,
  request: ApiRequest,
  onBegin?: () => Promise<void>,
) => Promise<ApiAnswer>;

/** Long enough for past events to arrive. */
const WATCH_SECONDS = "1";
/** A server sends a bookmark two seconds before the requested end; the steps meanwhile take time too. */
const LONG_WATCH_SECONDS = "12";

export class Client {
  readonly #tokens: ServerAccess["tokens"];
  readonly #send: Send;
  readonly #saved = new Map<string, JsonValue>();

  /** @param send otherwise over HTTPS */
  constructor(access: ServerAccess, send: Send = (...request) => sendRequest(access, ...request)) {
    this.#tokens = access.tokens;
    this.#send = send;
  }

  /**
   * In order; consecutive watches are open at the same time.
   * @returns an answer for each, those of `during` after their watch's
   */
  async play(steps: readonly Step[]): Promise<(readonly [Step, Answer])[]> {
    const answers: (readonly [Step, Answer])[] = [];
    for (let at = 0; at < steps.length; ) {
      const rest = steps.slice(at);
      const watches = rest.slice(
        0,
        firstIndex(rest, (step) => !isPlainWatch(step)),
      );
      const together = watches.length > 0 ? watches : rest.slice(0, 1);
      for (const played of await Promise.all(together.map((step) => this.#playOne(step))))
        answers.push(...played);
      at += together.length;
    }
    return answers;
  }

  async #playOne(step: Step): Promise<(readonly [Step, Answer])[]> {
    const inner: (readonly [Step, Answer])[] = [];
    const { during } = step;
    const begun =
      during === undefined ? undefined : async () => void inner.push(...(await this.play(during)));
    const answer = await this.#ask(step, begun);
    if (step.save !== undefined && answer.status < 300) this.#saved.set(step.save, answer.body);
    return [[step, answer], ...inner];
  }

  async #ask(step: Step, onBegin?: () => Promise<void>): Promise<Answer> {
    const { method, requester = "admin", type } = step;
    const watched = isWatch(step);
    const isLong = step.isForBookmark === true || step.during !== undefined;
    const seconds = isLong ? LONG_WATCH_SECONDS : WATCH_SECONDS;
    const query = { ...(watched ? { timeoutSeconds: seconds } : {}), ...step.query } as JsonObject;
    const search = new URLSearchParams(resolved(query, this.#saved) as Record<string, string>).toString();
    const path = `${resolved(step.path, this.#saved)}${search === "" ? "" : `?${search}`}`;
    const body = step.body === undefined ? null : resolved(step.body, this.#saved);
    const token = this.#tokens[requester];
    const { status, text } = await this.#send(token, { method, path, body, type }, onBegin);
    if (!watched || status !== 200) return { status, body: parsed(text), events: null };
    const lines = text.split("\n").filter((line) => line !== "");
    return { status, body: null, events: lines.map(parsed) };
  }
}

function isPlainWatch(step: Step): boolean {
  return isWatch(step) && step.during === undefined;
}

function firstIndex<T>(items: readonly T[], isMeant: (item: T) => boolean): number {
  const found = items.findIndex(isMeant);
  return found < 0 ? items.length : found;
}

function parsed(text: string): JsonValue {
  try {
    return JSON.parse(text) as JsonValue;
  } catch {
    return text;
  }
}
