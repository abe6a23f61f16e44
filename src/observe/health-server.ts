/**
 * The HTTP listener for probes: /healthz shows that the process runs, /readyz whether the node's network works, with
 * flannel's texts and codes. Other pages are added to its routes.
 *
 * It is open to the whole network, so what a client opens, sends or does not read is bounded: connections for each
 * source, requests by time and to one at a time on a connection, and the bytes of all unread answers.
 */
import type { createServer, IncomingMessage, Server, ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import type { Ip } from "../net/index.ts";
import type { Clock } from "../runtime/clock.ts";
import { messageOf, TweedError } from "../runtime/error.ts";
import type { Log } from "../runtime/log.ts";
import { printable } from "../runtime/printable.ts";
import { ConnectionSlots, isFromHere, sourceOf } from "./connection-slots.ts";
import { type RenderedPage, sharedPage } from "./shared-page.ts";
import { UnreadAnswers } from "./unread-answers.ts";

export interface Page {
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
}
/** Pages by path, or by path and query where the query matters; any method gets them, as in flannel. */
export type Routes = Readonly<Record<string, () => Page | Promise<Page>>>;

export interface HealthServer {
  readonly port: number;
  /** Stops listening and resolves once every connection is closed, after {@link CLOSE_GRACE_MS} at most. */
  close(): Promise<void>;
}

/** In flannel it is 3 s; this daemon ends within 2 s. */
const CLOSE_GRACE_MS = 1000;

export interface HealthTiming {
  /** For the headers of a request, from the connection or the end of the previous answer. */
  readonly headersMs: number;
  /** For the whole request. */
  readonly requestMs: number;
  /** From the request until the kernel has the last byte of the answer. */
  readonly answerMs: number;
  /** How often Node checks for late requests; its default is 30 s. */
  readonly checkMs: number;
}

const TIMING: HealthTiming = { headersMs: 3000, requestMs: 5000, answerMs: 10_000, checkMs: 1000 };
/** A page that fails does so at every request, so it is logged once a minute. */
const FAILURE_LOG_MS = 60_000;

/**
 * @param notReadyReasons empty when ready
 * @param notes what may be wrong although the node may be ready; a ready node shows them only with ?verbose
 */
export function probeRoutes(
  notReadyReasons: () => readonly string[],
  notes: () => readonly string[] = () => [],
): Routes {
  const readiness = (isVerbose: boolean) => () => {
    const reasons = notReadyReasons();
    const isReady = reasons.length === 0;
    const lines = [
      isReady ? "flanneld is ready" : "flanneld is not ready yet",
      ...reasons.map((reason) => `- ${reason}`),
      ...(isReady && !isVerbose ? [] : notes().map((note) => `- note: ${note}`)),
    ];
    return textPage(isReady ? 200 : 503, lines.join("\n"));
  };
  return {
    "/healthz": () => textPage(200, "flanneld is running"),
    "/readyz": readiness(false),
    "/readyz?verbose": readiness(true),
  };
}

export function textPage(status: number, body: string): Page {
  return { status, contentType: "text/plain; charset=utf-8", body };
}

/**
 * Listens on `ip`, of either family, and `port`; 0 takes any free port.
 * @throws TweedError `health-listen`, which names the flags that set address and port
 */
export async function startHealthServer(options: {
  readonly ip: Ip;
  readonly port: number;
  readonly routes: Routes;
  readonly clock: Clock;
  readonly log: Log;
  /** Of node:http. */
  readonly createServer: typeof createServer;
  readonly timing?: HealthTiming;
}): Promise<HealthServer> {
  const { ip, port, clock, log, timing = TIMING } = options;
  const answers = new Answers(options.routes, clock, log, timing);
  const server = options.createServer(
    {
      headersTimeout: timing.headersMs,
      requestTimeout: timing.requestMs,
      keepAliveTimeout: timing.requestMs,
      connectionsCheckingInterval: timing.checkMs,
    },
    (request, response) => answers.answer(request, response),
  );
  bindToSlots(server);
  await listen(server, ip, port);
  server.on("error", (error) => {
    log.error({ op: "health-server", reason: error.message }, "health listener failed");
  });
  return { port: (server.address() as AddressInfo).port, close: () => close(server, clock) };
}

function bindToSlots(server: Server): void {
  const slots = new ConnectionSlots();
  server.on("connection", (socket: Socket) => {
    const { remoteAddress, localAddress } = socket;
    const held = {
      source: sourceOf(remoteAddress),
      isLocal: isFromHere(remoteAddress, localAddress),
      drop: () => socket.destroy(),
    };
    socket.once("close", () => slots.release(held));
    slots.admit(held);
  });
}

class Answers {
  readonly #pages: ReadonlyMap<string, () => Promise<RenderedPage>>;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #timing: HealthTiming;
  readonly #unread = new UnreadAnswers();
  /** Connections with a request that is not fully answered. */
  readonly #busy = new WeakSet<Socket>();
  readonly #failureLoggedMs = new Map<string, number>();

  constructor(routes: Routes, clock: Clock, log: Log, timing: HealthTiming) {
    const render = (route: Routes[string]) => async () => rendered(await route());
    this.#pages = new Map(
      Object.entries(routes).map(([path, route]) => [path, sharedPage(render(route), clock)]),
    );
    this.#clock = clock;
    this.#log = log;
    this.#timing = timing;
  }

  answer(request: IncomingMessage, response: ServerResponse): void {
    const { socket } = request;
    if (socket.destroyed) return;
    // Pipelined requests would have to be stored, and no probe or scraper sends them.
    if (this.#busy.has(socket)) {
      socket.destroy();
      return;
    }
    this.#busy.add(socket);
    const overdue = this.#clock.startTimer(this.#timing.answerMs, () => socket.destroy());
    response.once("close", () => {
      overdue.cancel();
      this.#busy.delete(socket);
    });
    const { url = "/" } = request;
    const path = url.replace(/\?.*$/s, "");
    this.#pageAt(this.#pages.has(url) ? url : path)
      .catch((error: unknown) => {
        this.#reportFailure(path, error);
        return rendered(textPage(500, "failed; see the daemon's log for the reason"));
      })
      .then((page) => this.#send(page, request, response));
  }

  async #pageAt(path: string): Promise<RenderedPage> {
    const page = this.#pages.get(path);
    if (page !== undefined) return page();
    return rendered(textPage(404, `no such page, expected one of ${[...this.#pages.keys()].join(", ")}`));
  }

  #send(
    { status, contentType, body }: RenderedPage,
    request: IncomingMessage,
    response: ServerResponse,
  ): void {
    if (response.destroyed) return;
    response.writeHead(status, { "Content-Type": contentType, "Content-Length": body.length });
    if (request.method === "HEAD") {
      response.end();
      return;
    }
    this.#unread.begin(response, body.length);
    response.end(body);
  }

  #reportFailure(path: string, error: unknown): void {
    const nowMs = this.#clock.nowMs();
    if (nowMs - (this.#failureLoggedMs.get(path) ?? Number.NEGATIVE_INFINITY) < FAILURE_LOG_MS) return;
    this.#failureLoggedMs.set(path, nowMs);
    this.#log.error(
      { op: "health-server", path, reason: messageOf(error) },
      "page of the health listener failed",
    );
  }
}

/** Pages are read in terminals, and contain text of other origin, so control characters are escaped. */
function rendered({ status, contentType, body }: Page): RenderedPage {
  return { status, contentType, body: Buffer.from(printable(body)) };
}

function listen(server: Server, ip: Ip, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const fail = (error: Error) => {
      reject(
        new TweedError({
          code: "health-listen",
          operation: `listen for probes on ${ip} port ${port}`,
          reason: `${error.message}; choose another with --healthz-ip and --healthz-port`,
          cause: error,
        }),
      );
    };
    server.once("error", fail);
    server.listen({ host: ip, port }, () => {
      server.off("error", fail);
      resolve();
    });
  });
}

function close(server: Server, clock: Clock): Promise<void> {
  return new Promise((resolve) => {
    const overdue = clock.startTimer(CLOSE_GRACE_MS, () => server.closeAllConnections());
    // Its only error is ERR_SERVER_NOT_RUNNING: it is already closed.
    server.close(() => {
      overdue.cancel();
      resolve();
    });
    server.closeIdleConnections();
  });
}
