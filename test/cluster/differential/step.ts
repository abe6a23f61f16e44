/** One request of the comparison, written once for both servers: what only the server knows is named by where it was seen. */
import { isJsonObject, type JsonObject, type JsonValue } from "../../../src/runtime/json.ts";

/** Who asks: everybody's administrator, one with few rights, one without any, with a token of nobody, without a token. */
export type Asker = "admin" | "reader" | "powerless" | "unknown" | "anonymous";

export interface Step {
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  /** Text is sent as it is. */
  readonly body?: JsonValue;
  readonly type?: string;
  readonly asker?: Asker;
  /** Under which name the answer is kept for `{{name.metadata.resourceVersion}}` in later steps. */
  readonly save?: string;
  /** What is done while the watch is open. */
  readonly during?: readonly Step[];
  /** The first minor release of Kubernetes that answers so; older ones are not asked. */
  readonly sinceMinor?: number;
  /** Whether the watch lasts long enough for a bookmark. */
  readonly isForBookmark?: boolean;
}

export type Saved = ReadonlyMap<string, JsonValue>;

const REFERENCE = /\{\{([\w-]+)\.([\w.]+)\}\}/g;
/** In place of what was never seen, such as the version of an object that was refused. */
const UNSEEN = "1";

/** The text with what it refers to in its places. */
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

export function titleOf({ method, path, query = {}, body, asker = "admin", type }: Step): string {
  const search = new URLSearchParams(query).toString();
  const content = body === undefined ? "" : ` ${typeof body === "string" ? body : JSON.stringify(body)}`;
  const shown = content.length > 300 ? `${content.slice(0, 300)}… (${content.length} characters)` : content;
  const how = [asker === "admin" ? "" : ` as ${asker}`, type === undefined ? "" : ` ${type}`].join("");
  return `${method} ${path}${search === "" ? "" : `?${search}`}${how}${shown}`;
}
