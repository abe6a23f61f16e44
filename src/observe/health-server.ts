/**
 * The HTTP listener for probes: /healthz says that the process runs, /readyz whether the node's network works,
 * with flannel's texts and codes. Other pages join its table of routes.
 *
 * It is open to the whole network, so nothing grows with what a client opens, sends or does not read: connections are
 * bounded by source, requests by time, a connection has one request at a time, and unread answers a common bound.
 */
import type { createServer, IncomingMessage, Server, ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import type { Ip } from "../net/index.ts";
import type { Clock } from "../runtime/clock.ts";
import { messageOf, TweedError } from "../runtime/error.ts";
import type { Log } from "../runtime/log.ts";
import { printable } from "../runtime/printable.ts";
import { startTimer } from "../runtime/timer.ts";
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

/** flannel gives 3 s; the whole daemon ends within 2. */
const CLOSE_GRACE_MS = 1000;

export interface HealthTiming {
  /** For the headers of a request, from the connection or the end of the answer before. */
  readonly headersMs: number;
  /** For the whole request. */
  readonly requestMs: number;
  /** From the request to the last byte of the answer in the kernel's hands. */
  readonly answerMs: number;
  /** How often Node checks for late requests; its default is 30 s. */
  readonly checkMs: number;
}

const TIMING: HealthTiming = { headersMs: 3000, requestMs: 5000, answerMs: 10_000, checkMs: 1000 };
/** A page that fails does so at every request: one line a minute for each is enough. */
const FAILURE_LOG_MS = 60_000;

/**
 * @param notReadyReasons empty when ready
 * @param notes what there is to say although the node may be ready; a node that is says it only when asked for all
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
  /** Connections with a request that is not answered in full. */
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
    // Requests ahead of their answers would have to be kept somewhere, and no probe or scraper sends any.
    if (this.#busy.has(socket)) {
      socket.destroy();
      return;
    }
    this.#busy.add(socket);
    const overdue = startTimer(this.#clock, this.#timing.answerMs, () => socket.destroy());
    response.once("close", () => {
      overdue.cancel();
      this.#busy.delete(socket);
    });
    const { url = "/" } = request;
    const path = url.replace(/\?.*$/s, "");
    this.#pageAt(this.#pages.has(url) ? url : path)
      .catch((error: unknown) => {
        this.#reportFailure(path, error);
        return rendered(textPage(500, "failed; the log has the reason"));
      })
      .then((page) => this.#send(page, request, response));
  }

  async #pageAt(path: string): Promise<RenderedPage> {
    const page = this.#pages.get(path);
    if (page !== undefined) return page();
    return rendered(textPage(404, `no such page; there are ${[...this.#pages.keys()].join(", ")}`));
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

/** People read pages in terminals, and some of what is in them others wrote. */
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
          reason: `${error.message}; --healthz-ip and --healthz-port choose another place`,
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
    const overdue = startTimer(clock, CLOSE_GRACE_MS, () => server.closeAllConnections());
    // Its only error is ERR_SERVER_NOT_RUNNING: closed already, which is what was asked for.
    server.close(() => {
      overdue.cancel();
      resolve();
    });
    server.closeIdleConnections();
  });
}
