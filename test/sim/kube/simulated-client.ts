/** Sends requests of any kind over the simulated transport, as `sendRequest` does over HTTPS. */
import type { Access } from "../../../src/lease/kubernetes/credentials.ts";
import type { ApiAnswer, ApiRequest } from "../../support/kube-api/api-request.ts";
import type { Life } from "../life.ts";
import type { HostLink } from "./host-link.ts";
import type { SimulatedApiServer } from "./simulated-api-server.ts";
import { SimulatedTransport } from "./simulated-transport.ts";

/** The transport takes all that matters from the request. */
const ACCESS: Access = {
  url: new URL("http://kubernetes.default.svc:8080"),
  headers: {},
  tls: {},
  proxyAgent: null,
  isFresh: true,
};
const PATIENCE_MS = 3_600_000;

export class SimulatedClient {
  readonly #transport: SimulatedTransport;

  constructor(server: SimulatedApiServer, link: HostLink, life: Life) {
    this.#transport = new SimulatedTransport(server, link, life);
  }

  async send(
    token: string | null,
    { method, path, body = null, type = "application/json" }: ApiRequest,
    onBegin: () => Promise<void> = async () => {},
  ): Promise<ApiAnswer> {
    const content = body === null || typeof body === "string" ? body : JSON.stringify(body);
    const request = {
      ...{ method, path, answerMs: PATIENCE_MS, silenceMs: PATIENCE_MS },
      headers: {
        ...(token === null ? {} : { Authorization: `Bearer ${token}` }),
        ...(content === null ? {} : { "Content-Type": type }),
      },
      body: content ?? undefined,
    };
    const { status, chunks } = await this.#transport.send(request, ACCESS, new AbortController().signal);
    const begun = onBegin();
    const pieces: Buffer[] = [];
    for await (const chunk of chunks) pieces.push(chunk);
    await begun;
    return { status, text: Buffer.concat(pieces).toString() };
  }
}
