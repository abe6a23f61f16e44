/** One request to an API server and its reply, from the stand-in or a real one. */
import type { JsonObject } from "../../../src/runtime/json.ts";

export interface ApiCall {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
  /** Aborts when the client has disconnected. */
  readonly gone: AbortSignal;
}

/** A reply may be held or slowed down on its way out; writes never wait for that. */
export interface Reply {
  begin(status: number, headers: Readonly<Record<string, string>>): void;
  write(chunk: string | Buffer): void;
  end(): void;
}

export type Answerer = (call: ApiCall, reply: Reply) => void;

export function replyWith(
  reply: Reply,
  status: number,
  json: string,
  headers: Record<string, string> = {},
): void {
  reply.begin(status, { "content-type": "application/json", ...headers });
  reply.write(json);
  reply.end();
}

/** A `Status` object of k8s.io/apimachinery; empty fields are left out. */
export function statusText(
  code: number,
  reason: string,
  message: string,
  details: JsonObject = {},
  metadata: JsonObject = {},
): string {
  return JSON.stringify({
    kind: "Status",
    apiVersion: "v1",
    metadata,
    status: "Failure",
    message,
    ...(reason === "" ? {} : { reason }),
    ...(Object.keys(details).length === 0 ? {} : { details }),
    code,
  });
}
