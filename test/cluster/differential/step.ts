/**
 * One request of the comparison, for both servers: values that a server assigns are referenced by the answer that had
 * them.
 */
import { isJsonObject, type JsonObject, type JsonValue } from "../../../src/runtime/json.ts";

/** The requesting user: the administrator, a user with few rights, one without any, an unknown token, no token. */
export type Requester = "admin" | "reader" | "powerless" | "unknown" | "anonymous";

export interface Step {
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  /** Text is sent unchanged. */
  readonly body?: JsonValue;
  readonly type?: string;
  readonly requester?: Requester;
  /** Name under which the answer is stored for `{{name.metadata.resourceVersion}}` in later steps. */
  readonly save?: string;
  /** Steps while the watch is open. */
  readonly during?: readonly Step[];
  /** The first minor release of Kubernetes with this answer; older ones do not get the request. */
  readonly sinceMinor?: number;
  /** Whether the watch lasts long enough for a bookmark. */
  readonly isForBookmark?: boolean;
}

export type Saved = ReadonlyMap<string, JsonValue>;

const REFERENCE = /\{\{([\w-]+)\.([\w.]+)\}\}/g;
/** Replaces a value that was never seen, such as the version of a refused object. */
const UNSEEN = "1";

/** The value with its references resolved. */
export function resolved<T extends JsonValue>(value: T, saved: Saved): T {
  if (typeof value === "string") {
    return value.replace(REFERENCE, (_, name: string, path: string) => seen(saved.get(name), path)) as T;
  }
  if (Array.isArray(value)) return value.map((item: JsonValue) => resolved(item, saved)) as unknown as T;
  if (!isJsonObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, resolved(item, saved)])) as T;
}

function seen(value: JsonValue | undefined, path: string): string {
  const found = path
    .split(".")
    .reduce<JsonValue | undefined>(
      (at, key) => (isJsonObject(at ?? null) ? (at as JsonObject)[key] : undefined),
      value,
    );
  return typeof found === "string" && found !== "" ? found : UNSEEN;
}

export function isWatch({ query }: Step): boolean {
  return query?.watch !== undefined;
}

export function titleOf({ method, path, query = {}, body, requester = "admin", type }: Step): string {
  const search = new URLSearchParams(query).toString();
  const content = body === undefined ? "" : ` ${typeof body === "string" ? body : JSON.stringify(body)}`;
  const shown = content.length > 300 ? `${content.slice(0, 300)}… (${content.length} characters)` : content;
  const how = [requester === "admin" ? "" : ` as ${requester}`, type === undefined ? "" : ` ${type}`].join(
    "",
  );
  return `${method} ${path}${search === "" ? "" : `?${search}`}${how}${shown}`;
}
