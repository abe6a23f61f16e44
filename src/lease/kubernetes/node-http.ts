/** HTTP requests over persistent connections. */
import { createHash } from "node:crypto";
import {
  type ClientRequest,
  Agent as HttpAgent,
  request as httpRequest,
  type IncomingMessage,
} from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";
import type { Access } from "./credentials.ts";
import type { ApiTransport, HttpRequest, HttpResponse } from "./transport.ts";

/** TCP keepalive: the first probe after this much silence, then one every second, ten in all. */
const KEEP_ALIVE_MS = 10_000;

export class NodeHttp implements ApiTransport {
  readonly #idleMs: number;
  #agent: { readonly key: string; readonly agent: HttpAgent | HttpsAgent } | null = null;

  /** @param idleMs time-out of a connection: until it is established, and while it is idle */
  constructor(idleMs: number) {
    this.#idleMs = idleMs;
  }

  async send(request: HttpRequest, access: Access, signal: AbortSignal): Promise<HttpResponse> {
    const { method, path, headers, body, answerMs, silenceMs } = request;
    const { url } = access;
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      const send = url.protocol === "https:" ? httpsRequest : httpRequest;
      const agent = this.#agentFor(access);
      const sent = send(url, {
        ...{ agent, signal, method, headers },
        path: `${url.pathname.replace(/\/$/, "")}${path}`,
      });
      let silent: { readonly stream: ClientRequest | IncomingMessage; readonly afterMs: number };
      const allow = (stream: typeof silent.stream, afterMs: number) => {
        silent = { stream, afterMs };
        sent.setTimeout(afterMs);
      };
      sent.on("timeout", () => {
        silent.stream.destroy(new Error(`no data received for ${silent.afterMs / 1000} s`));
      });
      allow(sent, answerMs);
      sent.once("response", (begun) => {
        allow(begun, silenceMs);
        // An agent sets this only when a connection becomes idle, and the watch's may never.
        begun.socket.setKeepAlive(true, KEEP_ALIVE_MS);
        resolve(begun);
      });
      sent.on("error", reject);
      sent.end(body);
    });
    return {
      status: response.statusCode ?? 0,
      retryAfter: response.headers["retry-after"],
      chunks: response,
      destroy: () => response.destroy(),
    };
  }

  close(): void {
    this.#agent?.agent.destroy();
    this.#agent = null;
  }

  /** Reuses connections while their address and TLS options stay the same. */
  #agentFor({ url, tls, proxyAgent }: Access): HttpAgent | HttpsAgent {
    const digest = createHash("sha256");
    for (const part of [url.href, tls.servername, tls.rejectUnauthorized, tls.ca, tls.cert, tls.key])
      digest.update(`${part}\n`);
    const key = digest.digest("hex");
    if (this.#agent?.key === key) return this.#agent.agent;
    this.#agent?.agent.destroy();
    const keepAlive = {
      keepAlive: true,
      keepAliveMsecs: KEEP_ALIVE_MS,
      maxFreeSockets: 1,
      timeout: this.#idleMs,
    };
    const isHttps = url.protocol === "https:";
    const agent =
      proxyAgent ?? (isHttps ? new HttpsAgent({ ...tls, ...keepAlive }) : new HttpAgent(keepAlive));
    this.#agent = { key, agent };
    return agent;
  }
}
