/** Bytes on connections to the health listener: through Node's HTTP server, on a stream that is fed from the input. */
import { createServer, type RequestListener, type Server, type ServerOptions } from "node:http";
import { Duplex } from "node:stream";
import { parseIp } from "../../../src/net/index.ts";
import { probeRoutes, startHealthServer, textPage } from "../../../src/observe/health-server.ts";
import { silentLog } from "../../../src/runtime/log.ts";
import { STILL_CLOCK } from "../still-clock.ts";
import { bytesOf, type FuzzTarget, invariant, NEVER } from "../target.ts";

const SEEDS = [
  "GET /healthz HTTP/1.1\r\nHost: node1:8081\r\nUser-Agent: kube-probe/1.34\r\nConnection: close\r\n\r\n",
  "GET /readyz?verbose HTTP/1.1\r\nHost: a\r\nAccept: */*\r\n\r\n",
  "HEAD /metrics HTTP/1.0\r\n\r\n",
  "POST /status HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
  "PUT /x HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\nhello",
  "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n",
  "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\nGET /failing HTTP/1.1\r\nHost: a\r\n\r\n",
  "CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n",
  "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
];

/** The longest page of those that are served here. */
const PAGE_BYTES = 4096;
/** Of an answer beyond its page: the status line and headers. */
const HEAD_BYTES = 600;

export const healthRequests: FuzzTarget = {
  name: "health-requests",
  grammar: "lines",
  seeds: SEEDS.map((request) => bytesOf(`\x40${request}`)),
  words: [
    ...[
      "GET ",
      "HEAD ",
      "POST ",
      "/healthz",
      "/readyz",
      "/readyz?verbose",
      "/status",
      "/metrics",
      " HTTP/1.1\r\n",
      " HTTP/1.0",
    ],
    ...[
      "\r\n",
      "\r\n\r\n",
      "Host: ",
      "Content-Length: ",
      "Transfer-Encoding: chunked\r\n",
      "Connection: keep-alive\r\n",
      "Expect: 100-continue\r\n",
    ],
    ...[
      "0\r\n\r\n",
      "5\r\nhello\r\n",
      "?",
      "%00",
      "%2e%2e/",
      "//",
      "Upgrade: websocket\r\n",
      ": ",
      ",",
      "\t",
    ],
  ],
  refusals: NEVER,
  async run(input) {
    const connection = new Connection();
    (await LISTENER).emit("connection", connection);
    await connection.feed(input.subarray(1), 1 + (input[0] ?? 0) * 16);
    const requests = Buffer.from(input).toString("latin1").split("HTTP/").length;
    invariant(
      connection.answered <= requests * (PAGE_BYTES + HEAD_BYTES),
      "a connection gets no more than a page for each request",
    );
    return undefined;
  },
};

/** A connection's end in the server. */
class Connection extends Duplex {
  readonly remoteAddress = "192.0.2.7";
  readonly localAddress = "192.0.2.1";
  answered = 0;

  override _read(): void {}

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.answered += chunk.length;
    done();
  }

  /** Sends the bytes in pieces, ends, and resolves when the server has closed the connection. */
  async feed(bytes: Uint8Array, pieceBytes: number): Promise<void> {
    const closed = new Promise<void>((resolve) => this.once("close", () => resolve()));
    this.on("error", () => {});
    for (let at = 0; at < bytes.length && !this.destroyed; at += pieceBytes) {
      this.push(Buffer.from(bytes.subarray(at, at + pieceBytes)));
      await new Promise<void>((resolve) => setImmediate(resolve));
    }
    if (this.destroyed) return;
    this.push(null);
    // A server that waits for the rest of a request, or for its own limit of time, is left by its client.
    for (let turn = 0; turn < TURNS && !this.destroyed; turn++)
      await new Promise<void>((resolve) => setImmediate(resolve));
    this.destroy();
    await closed;
  }

  setTimeout(): this {
    return this;
  }
  setNoDelay(): this {
    return this;
  }
  setKeepAlive(): this {
    return this;
  }
}

/** An answer takes four turns of the event loop. */
const TURNS = 12;

const LISTENER: Promise<Server> = startListener();

async function startListener(): Promise<Server> {
  let server: Server | null = null;
  await startHealthServer({
    ...{ ip: parseIp("192.0.2.1"), port: 0, clock: STILL_CLOCK, log: silentLog },
    routes: {
      ...probeRoutes(
        () => ["no lease yet"],
        () => ["a note"],
      ),
      "/status": () => ({ status: 200, contentType: "application/json", body: "x".repeat(PAGE_BYTES) }),
      "/metrics": async () => textPage(200, "tweed_up 1"),
      "/failing": () => {
        throw new Error("no page");
      },
    },
    createServer: ((options: ServerOptions, listener: RequestListener) => {
      server = unbound(createServer(options, listener));
      return server;
    }) as typeof createServer,
  });
  if (server === null) throw new Error("the listener made no server");
  return server;
}

/** A server without a socket: its connections are handed to it. */
function unbound(server: Server): Server {
  server.listen = ((_options: unknown, done: () => void) => {
    queueMicrotask(done);
    return server;
  }) as Server["listen"];
  server.address = () => ({ address: "192.0.2.1", family: "IPv4", port: 1 });
  return server;
}
