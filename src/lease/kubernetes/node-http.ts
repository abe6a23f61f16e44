/** Requests over HTTP connections that are kept between them. */
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

/** The kernel asks a connection that is silent for this long for a sign of life, and then every second, ten times. */
const KEEP_ALIVE_MS = 10_000;

export class NodeHttp implements ApiTransport {
  readonly #idleMs: number;
  #agent: { readonly key: string; readonly agent: HttpAgent | HttpsAgent } | null = null;

  /** @param idleMs for a connection: until it comes about, and while nobody uses it */
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
        silent.stream.destroy(new Error(`not a byte came for ${silent.afterMs / 1000} s`));
      });
      allow(sent, answerMs);
      sent.once("response", (begun) => {
        allow(begun, silenceMs);
        // An agent sees to this only once a connection is idle, and the watch's may never be.
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

  /** Connections are kept as long as what they were made with stays the same. */
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
