/** The API server of the simulation: the stand-in that is behind the HTTPS front too, with the faults of a process. */
import type { HttpRequest } from "../../../src/lease/kubernetes/transport.ts";
import type { JsonObject } from "../../../src/runtime/json.ts";
import { AccessControl, type Refusal, refuse } from "../../support/kube-api/access-control.ts";
import { type ApiCall, type Reply, replyWith, statusText } from "../../support/kube-api/exchange.ts";
import { StandIn } from "../../support/kube-api/stand-in.ts";
import { NodeClock } from "../../support/simulated-time.ts";
import type { StoreWorld } from "../store.ts";
import type { HostLink } from "./host-link.ts";
import { SimulatedExchange } from "./simulated-exchange.ts";

export interface ServerOptions {
  /** A real server sends one about once a minute. */
  readonly bookmarkMs: number;
  /** Small pages let continue tokens expire. */
  readonly maxPage: number;
}

/** Far above what restores subtract. */
const FIRST_VERSION = 1_000_000_000;
const ADDRESS = "192.0.2.254:6443";
/** Answers of a server that is overloaded, starts or has lost its etcd, and of a proxy before it. */
const FLAWS: readonly Refusal[] = [
  { status: 500 },
  { status: 503 },
  { status: 429, retryAfter: "1" },
  { status: 429, retryAfter: "5" },
];

const TEXTS: readonly (readonly [number, string])[] = [
  [502, "<html>bad gateway</html>"],
  [408, ""],
  [
    429,
    '{"kind":"Status","code":429,"message":"wait","details":{"retryAfterSeconds":2,"causes":[7,{"reason":"x"}]}}',
  ],
  [504, '{"kind":"Status","code":504,"reason":"Timeout","details":{"causes":[]}}'],
];

export class SimulatedApiServer {
  readonly standIn: StandIn;
  readonly access = new AccessControl();
  /** So many of 100 requests fail. */
  flawPercent = 0;
  /** Called for each request that a daemon sends. */
  onRequest: (host: string, request: HttpRequest) => void = () => {};
  readonly #world: StoreWorld;
  readonly #links = new Map<string, HostLink>();
  /** Patches of these hosts that conflict yet. */
  readonly #conflicts = new Map<string, number>();
  #isAway = false;
  #isHanging = false;
  /** Requests that a hanging server has not read yet. */
  #unread: SimulatedExchange[] = [];
  /** Acts of others that wait for the server. */
  #waiting: (() => void)[] = [];

  constructor(world: StoreWorld, { bookmarkMs, maxPage }: ServerOptions) {
    this.#world = world;
    const clock = new NodeClock(world.time);
    const options = { bookmarkMs, maxPage, firstVersion: FIRST_VERSION, pagesFromCache: true };
    this.standIn = new StandIn(options, { clock, random: world.random });
  }

  get isAway(): boolean {
    return this.#isAway;
  }

  addLink(link: HostLink): void {
    this.#links.set(link.host, link);
  }

  /** Sends a request of a daemon on its way. */
  send(request: HttpRequest, link: HostLink): SimulatedExchange {
    const parts = { time: this.#world.time, link, isServerHanging: () => this.#isHanging };
    const exchange = new SimulatedExchange(request, parts);
    this.onRequest(link.host, request);
    link.transmit(exchange, () => this.#receive(exchange));
    return exchange;
  }

  /** Starts again after an outage, sometimes without its watch cache. */
  setAway(isAway: boolean): void {
    if (this.#isAway === isAway) return;
    this.#isAway = isAway;
    if (isAway) {
      for (const exchange of this.#exchanges()) exchange.reset(new Error("read ECONNRESET"));
      this.standIn.endWatches();
      this.#unread = [];
      return;
    }
    if (this.#world.random.below(2) === 0) this.standIn.compact();
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const act of waiting) act();
  }

  hang(isHanging: boolean): void {
    if (this.#isHanging === isHanging) return;
    this.#isHanging = isHanging;
    if (isHanging) return;
    const unread = this.#unread;
    this.#unread = [];
    for (const exchange of unread) this.#receive(exchange);
    for (const link of this.#links.values()) link.resume();
  }

  /** All watches end: cleanly, by a reset, or by one in the middle of an object. */
  breakWatches(): void {
    const watches = [...this.#exchanges()].filter(({ isWatch, isAnswered }) => isWatch && isAnswered);
    for (const exchange of watches) {
      const how = this.#world.random.below(3);
      if (how === 0) exchange.write('{"type":"MODIFIED","object":{"kind":"Node","apiVersion":"v1","metad');
      if (how === 2) exchange.end();
      else exchange.reset(new Error("read ECONNRESET"));
    }
    this.standIn.endWatches();
  }

  /** The next patches of this host conflict. */
  conflict(host: string, patches: number): void {
    this.#conflicts.set(host, patches);
  }

  heal(): void {
    this.setAway(false);
    this.hang(false);
    this.access.refusal = null;
    this.flawPercent = 0;
    this.#conflicts.clear();
  }

  /** Runs an act of another client now, or when the server is there again. */
  whenServing(act: () => void): void {
    if (this.#isAway) this.#waiting.push(act);
    else act();
  }

  /** A request of the administrator, answered at once. @returns the object, or null where it was refused */
  admin(method: string, path: string, body: JsonObject | null = null): JsonObject | null {
    const url = new URL(path, `https://${ADDRESS}`);
    const type = method === "PATCH" ? "application/strategic-merge-patch+json" : "application/json";
    const answer = { status: 0, text: "" };
    const reply: Reply = {
      begin: (status) => {
        answer.status = status;
      },
      write: (chunk) => {
        answer.text += String(chunk);
      },
      end: () => {},
    };
    this.standIn.answer(
      {
        ...{ method, path: url.pathname, query: url.searchParams, headers: { "content-type": type } },
        body: Buffer.from(body === null ? "" : JSON.stringify(body)),
        gone: NEVER,
      },
      reply,
    );
    return answer.status < 300 ? (JSON.parse(answer.text) as JsonObject) : null;
  }

  *#exchanges(): Iterable<SimulatedExchange> {
    for (const link of this.#links.values()) yield* link.exchanges;
  }

  #receive(exchange: SimulatedExchange): void {
    const { random } = this.#world;
    if (this.#isAway) {
      exchange.reset(new Error(`connect ECONNREFUSED ${ADDRESS}`));
      return;
    }
    if (this.#isHanging && random.below(2) === 0) {
      this.#unread.push(exchange);
      return;
    }
    // A write takes effect even if the client has given up meanwhile; a read does not.
    const isLateWrite = exchange.request.method !== "GET" && random.below(2) === 0;
    if (!exchange.isOver || isLateWrite) this.#answer(exchange);
  }

  #answer(exchange: SimulatedExchange): void {
    const { request, link } = exchange;
    const { method, path, headers, body = "" } = request;
    if (this.#world.random.below(100) < this.flawPercent) {
      const number = this.#world.random.below(FLAWS.length + TEXTS.length);
      const text = TEXTS[number - FLAWS.length];
      if (text === undefined) refuse(exchange, FLAWS[number] ?? { status: 500 });
      else replyWith(exchange, ...text);
      return;
    }
    const token = (headers.Authorization ?? "").replace(/^Bearer /, "");
    if (this.access.refuses(token, method, path, exchange)) return;
    const conflicts = this.#conflicts.get(link.host) ?? 0;
    if (method === "PATCH" && conflicts > 0) {
      this.#conflicts.set(link.host, conflicts - 1);
      replyWith(exchange, 409, statusText(409, "Conflict", "the object has been modified"));
      return;
    }
    const [pathname = "", search = ""] = path.split("?", 2);
    const call: ApiCall = {
      ...{ method, path: pathname, query: new URLSearchParams(search), gone: exchange.gone },
      headers: { "content-type": headers["Content-Type"] ?? "application/json" },
      body: Buffer.from(body),
    };
    this.standIn.answer(call, exchange);
  }
}

const NEVER = new AbortController().signal;
