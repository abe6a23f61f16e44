import { messageOf } from "../../runtime/error.ts";
import type { JsonObject } from "../../runtime/json.ts";
import { readStatus, refusal, unavailable } from "./api-error.ts";
import type { Access, Credentials } from "./credentials.ts";
import type { Outage } from "./outage.ts";
import type { ApiTransport, HttpResponse } from "./transport.ts";

export interface ApiRequest {
  /** Verb and object, for errors: "read node worker-1". */
  readonly operation: string;
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  /** A strategic merge patch, or an object to create; without either the request is a GET. */
  readonly patch?: JsonObject;
  readonly create?: JsonObject;
  /** The longest silence within the answer, when it differs from the default. */
  readonly silenceMs?: number;
}

/** The server's errors are short; another program's answer may not be. */
const MAX_ERROR_BODY_BYTES = 16 * 1024;

/** Requests to the API server: over reused connections, with fresh credentials, paced during an outage. */
export class Api {
  readonly #credentials: Pick<Credentials, "access" | "forget">;
  readonly #transport: ApiTransport;
  readonly #outage: Outage;
  readonly #answerMs: number;

  /** @param answerMs the longest time without a byte: to connect, until the answer, and within it */
  constructor(
    credentials: Pick<Credentials, "access" | "forget">,
    transport: ApiTransport,
    outage: Outage,
    answerMs: number,
  ) {
    this.#credentials = credentials;
    this.#transport = transport;
    this.#outage = outage;
    this.#answerMs = answerMs;
  }

  /** The whole body. @throws ApiError, TweedError `kubeconfig` */
  async read(request: ApiRequest, signal: AbortSignal): Promise<Buffer> {
    const chunks: Buffer[] = [];
    for await (const chunk of this.stream(request, signal)) chunks.push(chunk);
    return Buffer.concat(chunks);
  }

  /** The body as it arrives; first an empty chunk once the server has accepted. @throws as `read` */
  async *stream(request: ApiRequest, signal: AbortSignal): AsyncGenerator<Buffer, void> {
    const response = await this.#outage.pass(() => this.#send(request, signal), signal);
    try {
      yield Buffer.alloc(0);
      for await (const chunk of response.chunks) yield chunk;
    } catch (error) {
      signal.throwIfAborted();
      const failure = unavailable(request.operation, messageOf(error), error);
      this.#outage.broken(failure);
      throw failure;
    } finally {
      response.destroy();
    }
  }

  close(): void {
    this.#transport.close();
  }

  async #send(request: ApiRequest, signal: AbortSignal): Promise<HttpResponse> {
    for (;;) {
      const access = await this.#credentials.access(signal);
      const response = await this.#sendOnce(request, access, signal);
      const { status, retryAfter } = response;
      if (status >= 200 && status < 300) return response;
      const text = await readRefusal(response, request.operation, signal);
      const refused = refusal(request.operation, readStatus(status, text, retryAfter), rightFor(request));
      if (status !== 401) throw refused;
      // The token may have been rotated: retry once with the present one.
      this.#credentials.forget();
      if (access.isFresh) throw refused;
    }
  }

  async #sendOnce(request: ApiRequest, access: Access, signal: AbortSignal): Promise<HttpResponse> {
    const { operation, path, query = {}, silenceMs = this.#answerMs } = request;
    const search = new URLSearchParams(query).toString();
    const { method, type, body } = contentOf(request);
    const content = type === null ? {} : { "Content-Type": type };
    const http = {
      ...{ method, body, silenceMs, answerMs: this.#answerMs },
      path: search === "" ? path : `${path}?${search}`,
      headers: { ...access.headers, ...HEADERS, ...content },
    };
    try {
      return await this.#transport.send(http, access, signal);
    } catch (error) {
      signal.throwIfAborted();
      throw unavailable(operation, messageOf(error), error);
    }
  }
}

const HEADERS = { Accept: "application/json", "User-Agent": "tweed" };

function contentOf({ patch, create }: ApiRequest) {
  const content = create ?? patch;
  if (content === undefined) return { method: "GET", type: null, body: undefined };
  const body = JSON.stringify(content);
  if (create !== undefined) return { method: "POST", type: "application/json", body };
  return { method: "PATCH", type: "application/strategic-merge-patch+json", body };
}

/** Verb and resource, as in a role. */
function rightFor({ path, query = {}, patch, create }: ApiRequest): string {
  if (create !== undefined) return "create on events in the namespace default";
  if (patch !== undefined) return "patch on nodes/status";
  if (path.includes("/pods/")) return "get on pods in the daemon's namespace";
  return query.watch === undefined ? "get and list on nodes" : "watch on nodes";
}

async function readRefusal(response: HttpResponse, operation: string, signal: AbortSignal): Promise<string> {
  try {
    const chunks: Buffer[] = [];
    let bytes = 0;
    for await (const chunk of response.chunks) {
      bytes += chunk.length;
      if (bytes > MAX_ERROR_BODY_BYTES) break;
      chunks.push(chunk);
    }
    return Buffer.concat(chunks).toString();
  } catch (error) {
    signal.throwIfAborted();
    throw unavailable(operation, messageOf(error), error);
  }
}
