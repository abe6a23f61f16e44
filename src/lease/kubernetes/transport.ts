/** How requests reach the API server, passed in so that a test can stand in for it. */
import type { Access } from "./credentials.ts";

export interface HttpRequest {
  readonly method: string;
  /** Below the API server's URL, with the query. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | undefined;
  /** How long may pass without a byte until the answer begins … */
  readonly answerMs: number;
  /** … and within it. */
  readonly silenceMs: number;
}

export interface HttpResponse {
  readonly status: number;
  /** The header of that name. */
  readonly retryAfter: string | undefined;
  /** The body as it comes. Throws when the connection breaks, or is silent for too long. */
  readonly chunks: AsyncIterable<Buffer>;
  /** Lets go of what is not read. */
  destroy(): void;
}

export interface ApiTransport {
  /** Resolves when the answer begins. @throws the network's error */
  send(request: HttpRequest, access: Access, signal: AbortSignal): Promise<HttpResponse>;
  close(): void;
}

/** @param idleMs for a connection: until it comes about, and while nobody uses it */
export type ConnectToApi = (idleMs: number) => ApiTransport;
