/** One request over HTTPS, as any client sends it. */
import { request } from "node:https";
import type { JsonValue } from "../../../src/runtime/json.ts";

export interface ApiRequest {
  readonly method: string;
  /** With the query. */
  readonly path: string;
  /** Text is sent unchanged. */
  readonly body?: JsonValue | null;
  readonly type?: string | undefined;
  /** Each of several values is a header of its own. */
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
}

export interface ApiAnswer {
  readonly status: number;
  readonly text: string;
}

/** @param onBegin called once the answer has begun; the answer completes only after it */
export function sendRequest(
  server: { readonly url: string; readonly ca: Buffer },
  token: string | null,
  { method, path, body = null, type = "application/json", headers = {} }: ApiRequest,
  onBegin: () => Promise<void> = async () => {},
): Promise<ApiAnswer> {
  const content = body === null || typeof body === "string" ? body : JSON.stringify(body);
  const all = {
    accept: "application/json",
    ...(token === null ? {} : { authorization: `Bearer ${token}` }),
    // Node.js sends no Content-Length with a DELETE by itself.
    ...(content === null ? {} : { "content-type": type, "content-length": Buffer.byteLength(content) }),
    ...headers,
  };
  return new Promise((resolve, reject) => {
    const options = { method, headers: all, ca: server.ca, agent: false };
    const sent = request(new URL(server.url + path), options, (response) => {
      const begun = onBegin();
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("error", reject);
      response.on("end", () => {
        const answer = { status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString() };
        begun.then(() => resolve(answer), reject);
      });
    });
    sent.on("error", reject);
    sent.end(content ?? undefined);
  });
}
