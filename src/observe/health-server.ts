/**
 * The HTTP listener for probes: /healthz says that the process runs, /readyz whether the node's network works,
 * with flannel's texts and codes. Other pages join its table of routes.
 */
import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { Ip } from "../net/index.ts";
import { messageOf, TweedError } from "../runtime/error.ts";
import type { Log } from "../runtime/log.ts";

export interface Page {
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
}
/** Pages by path; any method gets them, as in flannel. */
export type Routes = Readonly<Record<string, () => Page | Promise<Page>>>;

export interface HealthServer {
  readonly port: number;
  /** Stops listening and resolves once every connection is closed, after {@link CLOSE_GRACE_MS} at most. */
  close(): Promise<void>;
}

/** flannel gives 3 s; the whole daemon ends within 2. */
const CLOSE_GRACE_MS = 1000;
/** Probes and scrapes come from a handful of clients; the listener is open to the whole network. */
const MOST_CONNECTIONS = 64;
const REQUEST_TIMEOUT_MS = 5000;

/** @param notReadyReasons empty when ready */
export function probeRoutes(notReadyReasons: () => readonly string[]): Routes {
  return {
    "/healthz": () => textPage(200, "flanneld is running"),
    "/readyz": () => {
      const reasons = notReadyReasons();
      if (reasons.length === 0) return textPage(200, "flanneld is ready");
      return textPage(
        503,
        ["flanneld is not ready yet", ...reasons.map((reason) => `- ${reason}`)].join("\n"),
      );
    },
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
  readonly log: Log;
}): Promise<HealthServer> {
  const server = createServer(
    { requestTimeout: REQUEST_TIMEOUT_MS, headersTimeout: REQUEST_TIMEOUT_MS },
    answer(options.routes, options.log),
  );
  server.maxConnections = MOST_CONNECTIONS;
  await listen(server, options.ip, options.port);
  server.on("error", (error) => {
    options.log.error({ op: "health-server", reason: error.message }, "health listener failed");
  });
  return { port: (server.address() as AddressInfo).port, close: () => close(server) };
}

function answer(routes: Routes, log: Log): RequestListener {
  return (request, response) => {
    const path = (request.url ?? "/").replace(/\?.*$/s, "");
    const send = ({ status, contentType, body }: Page) => {
      response.writeHead(status, { "Content-Type": contentType, "Content-Length": Buffer.byteLength(body) });
      response.end(request.method === "HEAD" ? undefined : body);
    };
    const route = Object.hasOwn(routes, path) ? routes[path] : undefined;
    if (route === undefined) {
      send(textPage(404, `no such page; there are ${Object.keys(routes).join(", ")}`));
      return;
    }
    Promise.resolve()
      .then(route)
      .then(send)
      .catch((error: unknown) => {
        log.error({ op: "health-server", path, reason: messageOf(error) }, "page failed");
        if (!response.headersSent) send(textPage(500, "failed; the log has the reason"));
      });
  };
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

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    const overdue = setTimeout(() => server.closeAllConnections(), CLOSE_GRACE_MS);
    // Its only error is ERR_SERVER_NOT_RUNNING: closed already, which is what was asked for.
    server.close(() => {
      clearTimeout(overdue);
      resolve();
    });
    server.closeIdleConnections();
  });
}
