/** The transport of requests to the API server, passed in so that a test can replace it. */
import type { Access } from "./credentials.ts";

export interface HttpRequest {
  readonly method: string;
  /** Below the API server's URL, with the query. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | undefined;
  /** The longest time without a byte until the answer begins … */
  readonly answerMs: number;
  /** … and within it. */
  readonly silenceMs: number;
}

export interface HttpResponse {
  readonly status: number;
  /** The header `Retry-After`. */
  readonly retryAfter: string | undefined;
  /** The body as it arrives. Throws when the connection breaks, or is silent for too long. */
  readonly chunks: AsyncIterable<Buffer>;
  /** Discards the rest of the body. */
  destroy(): void;
}

export interface ApiTransport {
  /** Resolves when the answer begins. @throws the network's error */
  send(request: HttpRequest, access: Access, signal: AbortSignal): Promise<HttpResponse>;
  close(): void;
}

/** @param idleMs time-out of a connection: until it is established, and while it is idle */
export type ConnectToApi = (idleMs: number) => ApiTransport;
