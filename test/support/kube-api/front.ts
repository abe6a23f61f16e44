/**
 * The HTTPS server in front of a stand-in or a real API server: checks tokens, counts requests, and injects faults.
 * Requests with the administrator's token are always served.
 */
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer, type Server } from "node:https";
import type { AddressInfo, Socket } from "node:net";
import type { Certificate } from "../certificates.ts";
import { AccessControl, type Refusal } from "./access-control.ts";
import type { Answerer, ApiCall, Reply } from "./exchange.ts";
import type { Role } from "./permission.ts";

export interface SeenRequest {
  readonly method: string;
  /** With the query. */
  readonly url: string;
  readonly token: string;
  readonly body: string;
}

export type { Refusal };

export interface ListenAddress {
  readonly host: string;
  /** 0 for any free port. */
  readonly port: number;
}

export const ADMIN_TOKEN = "the-administrator";

export class Front {
  /** All requests except the administrator's. */
  readonly seen: SeenRequest[] = [];
  readonly #access = new AccessControl();
  /** Pause after each piece of an answer. */
  slowMs = 0;
  readonly #answer: Answerer;
  readonly #certificate: Certificate;
  readonly #sockets = new Set<Socket>();
  readonly #held = new Set<HeldReply>();
  #stalled: "nothing" | "watches" | "everything" = "nothing";
  readonly #host: string;
  #server: Server | null = null;
  #port: number;

  constructor(answer: Answerer, certificate: Certificate, { host, port }: ListenAddress) {
    this.#answer = answer;
    this.#certificate = certificate;
    this.#host = host;
    this.#port = port;
  }

  /** Accepted tokens. */
  get tokens(): Set<string> {
    return this.#access.tokens;
  }

  /** Restricted roles, by token. */
  get roles(): Map<string, Role> {
    return this.#access.roles;
  }

  /** Answers every request with this instead. */
  set refusal(refusal: Refusal | null) {
    this.#access.refusal = refusal;
  }

  get url(): string {
    const host = this.#host.includes(":") ? `[${this.#host}]` : this.#host;
    return `https://${host}:${this.#port}`;
  }

  get connections(): number {
    return this.#sockets.size;
  }

  /** On the same port as before, if there was one. */
  async start(): Promise<void> {
    const { certFile, keyFile } = this.#certificate;
    const options = {
      cert: await readFile(certFile),
      key: await readFile(keyFile),
      keepAliveTimeout: 60_000,
    };
    const server = createServer(options, (request, response) => void this.#serve(request, response));
    server.on("secureConnection", (socket) => {
      this.#sockets.add(socket);
      socket.on("error", () => {});
      socket.on("close", () => this.#sockets.delete(socket));
    });
    server.listen(this.#port, this.#host);
    await once(server, "listening");
    this.#port = (server.address() as AddressInfo).port;
    this.#server = server;
  }

  /** Refuses connections from now on, and ends the existing ones. */
  async stop(): Promise<void> {
    const server = this.#server;
    if (server === null) return;
    this.#server = null;
    const closed = once(server, "close");
    server.close();
    this.cut();
    await closed;
  }

  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  /** Accepts requests and sends nothing more: to watches only, or to all. */
  stall(what: "watches" | "everything" = "everything"): void {
    this.#stalled = what;
  }

  /** Undoes `stall` and sends the held answers. */
  flow(): void {
    this.#stalled = "nothing";
    for (const reply of this.#held) reply.flush();
  }

  isHeld(isAdmin: boolean, isWatch: boolean): boolean {
    return !isAdmin && (this.#stalled === "everything" || (this.#stalled === "watches" && isWatch));
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const token = (request.headers.authorization ?? "").replace(/^Bearer /, "");
    const isAdmin = token === ADMIN_TOKEN;
    const gone = new AbortController();
    response.on("close", () => gone.abort());
    const chunks: Buffer[] = [];
    try {
      for await (const chunk of request) chunks.push(chunk as Buffer);
    } catch {
      // The client disconnected before its request was complete.
      return;
    }
    const body = Buffer.concat(chunks);
    const { method = "GET", url = "/" } = request;
    const reply = new HeldReply(response, this, isAdmin, url.includes("watch="));
    this.#held.add(reply);
    response.on("close", () => this.#held.delete(reply));
    if (!isAdmin) {
      this.seen.push({ method, url, token, body: body.toString() });
      if (this.#access.refuses(token, method, url, reply)) return;
    }
    const { pathname, searchParams } = new URL(url, this.url);
    const headers = Object.fromEntries(
      Object.entries(request.headers).map(([name, value]) => [name, String(value)]),
    );
    const call: ApiCall = { method, path: pathname, query: searchParams, headers, body, gone: gone.signal };
    this.#answer(call, reply);
  }
}

class HeldReply implements Reply {
  readonly #response: ServerResponse;
  readonly #front: Front;
  readonly #isAdmin: boolean;
  readonly #isWatch: boolean;
  #queue: (() => void)[] = [];
  #timer: NodeJS.Timeout | null = null;

  constructor(response: ServerResponse, front: Front, isAdmin: boolean, isWatch: boolean) {
    this.#response = response;
    this.#front = front;
    this.#isAdmin = isAdmin;
    this.#isWatch = isWatch;
  }

  begin(status: number, headers: Readonly<Record<string, string>>): void {
    this.#do(() => {
      this.#response.writeHead(status, headers);
      this.#response.flushHeaders();
    });
  }
  write(chunk: string | Buffer): void {
    this.#do(() => void this.#response.write(chunk));
  }
  end(): void {
    this.#do(() => void this.#response.end());
  }

  flush(): void {
    if (this.#timer !== null) return;
    while (!this.#front.isHeld(this.#isAdmin, this.#isWatch)) {
      const next = this.#queue.shift();
      if (next === undefined || this.#response.destroyed) return;
      next();
      if (this.#front.slowMs > 0 && !this.#isAdmin) {
        this.#timer = setTimeout(() => {
          this.#timer = null;
          this.flush();
        }, this.#front.slowMs);
        return;
      }
    }
  }

  #do(act: () => void): void {
    this.#queue.push(act);
    this.flush();
  }
}
