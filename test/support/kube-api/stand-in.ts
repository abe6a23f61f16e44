/**
 * Answers as an API server does, for nodes, pods and events: versions, pages with continue tokens, watches with bookmarks
 * and "410 Gone", merge patches of a Node and of its status alone.
 */
import { randomUUID } from "node:crypto";
import { isDeepStrictEqual } from "node:util";
import { isJsonObject, type JsonObject } from "../../../src/runtime/json.ts";
import { answerDryRun, isDryRun } from "./dry-run.ts";
import { type Answerer, type ApiCall, type Reply, replyWith, statusText } from "./exchange.ts";
import { type Backup, ObjectTable, type StoredObject } from "./object-table.ts";
import { strategicMerge } from "./strategic-merge.ts";

export interface StandInOptions {
  /** A real server sends one about once a minute. */
  readonly bookmarkMs: number;
  /** False: as a watch cache, which sends everything in answer to `resourceVersion=0`. */
  readonly pagesFromCache: boolean;
}

const PATH =
  /^\/api\/v1\/(?:namespaces\/(?<namespace>[^/]+)\/)?(?<kind>nodes|pods|events)(?:\/(?<name>[^/]+))?(?:\/(?<sub>status))?$/;

export class StandIn {
  readonly nodes = new ObjectTable();
  readonly events = new ObjectTable();
  /** The most that one watch has been sent. */
  bookmarks = 0;
  readonly #pods = new ObjectTable();
  readonly #options: StandInOptions;
  readonly #openWatches = new Set<(line: string | null) => void>();

  constructor(options: StandInOptions) {
    this.#options = options;
  }

  readonly answer: Answerer = (call, reply) => {
    try {
      this.#route(call, reply);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      replyWith(reply, error.code, error.text);
    }
  };

  #route(call: ApiCall, reply: Reply): void {
    if (isDryRun(call)) {
      answerDryRun(call, reply);
      return;
    }
    const { kind, name, sub } = PATH.exec(call.path)?.groups ?? {};
    if (kind === undefined)
      throw new Refusal(404, "NotFound", "the server could not find the requested resource");
    const table = kind === "nodes" ? this.nodes : kind === "events" ? this.events : this.#pods;
    if (name !== undefined) {
      replyWith(reply, 200, onObject(table, decodeURIComponent(name), sub === "status", call));
    } else if (call.method === "POST") replyWith(reply, 201, create(table, call));
    else if (call.query.get("watch")) this.#watch(table, call, reply);
    else this.#list(table, call, reply);
  }

  /** Forgets the history: every watch is told "410", and one that would resume too. */
  expire(): void {
    this.nodes.compact();
    const object = JSON.parse(statusText(410, "Expired", "too old resource version")) as JsonObject;
    this.#tellWatches(`${JSON.stringify({ type: "ERROR", object })}\n`);
    this.endWatches();
  }

  endWatches(): void {
    this.#tellWatches(null);
  }

  /** As an administrator who restores etcd: the server starts anew, without a history. */
  restore(backup: Backup): void {
    this.nodes.restore(backup);
    this.endWatches();
  }

  #tellWatches(line: string | null): void {
    for (const tell of this.#openWatches) tell(line);
  }

  #list(table: ObjectTable, { query }: ApiCall, reply: Reply): void {
    const token = query.get("continue");
    const isCached = token === null && query.get("resourceVersion") === "0" && !this.#options.pagesFromCache;
    const limit = isCached
      ? Number.POSITIVE_INFINITY
      : Number(query.get("limit") || Number.POSITIVE_INFINITY);
    const [version = "", after = null] = token === null ? [] : (JSON.parse(token) as [string, string]);
    if (token !== null && !table.hasHistorySince(Number(version))) {
      throw new Refusal(410, "Expired", "the provided continue parameter is too old");
    }
    const page = table.page(limit, after);
    const listVersion = token === null ? String(page.version) : version;
    const next = page.next === null ? "" : JSON.stringify([listVersion, page.next]);
    const metadata = {
      resourceVersion: listVersion,
      ...(next === "" ? {} : { continue: next, remainingItemCount: page.remaining }),
    };
    reply.begin(200, { "content-type": "application/json" });
    reply.write(`{"kind":"NodeList","apiVersion":"v1","metadata":${JSON.stringify(metadata)},"items":[`);
    for (const [index, item] of page.items.entries()) reply.write(index === 0 ? item : `,${item}`);
    reply.write("]}\n");
    reply.end();
  }

  #watch(table: ObjectTable, { query, gone }: ApiCall, reply: Reply): void {
    const version = Number(query.get("resourceVersion") ?? "0");
    if (!Number.isInteger(version)) throw new Refusal(400, "BadRequest", "Invalid resource version");
    reply.begin(200, { "content-type": "application/json" });
    if (!table.hasHistorySince(version)) {
      const object = JSON.parse(
        statusText(410, "Expired", `too old resource version: ${version}`),
      ) as JsonObject;
      reply.write(`${JSON.stringify({ type: "ERROR", object })}\n`);
      reply.end();
      return;
    }
    let sent = 0;
    const bookmark = () => {
      const object = { kind: "Node", apiVersion: "v1", metadata: { resourceVersion: String(table.version) } };
      // As a real one, which tells a watch nothing of what lies before its version.
      if (!query.get("allowWatchBookmarks") || version > table.version) return;
      this.bookmarks = Math.max(this.bookmarks, ++sent);
      reply.write(`${JSON.stringify({ type: "BOOKMARK", object })}\n`);
    };
    const stop = table.watch(version, ({ type, text }) =>
      reply.write(`{"type":"${type}","object":${text}}\n`),
    );
    const bookmarks = setInterval(bookmark, this.#options.bookmarkMs);
    const end = () => {
      stop();
      clearInterval(bookmarks);
      clearTimeout(timeout);
      this.#openWatches.delete(tell);
      reply.end();
    };
    const tell = (line: string | null) => (line === null ? end() : reply.write(line));
    const timeout = setTimeout(
      () => {
        bookmark();
        end();
      },
      Number(query.get("timeoutSeconds") ?? "1800") * 1000,
    );
    this.#openWatches.add(tell);
    gone.addEventListener("abort", end, { once: true });
  }
}

function create(table: ObjectTable, call: ApiCall): string {
  const object = parse(call.body);
  if (object === null) throw new Refusal(400, "BadRequest", "the object has no name");
  const { name } = object.metadata;
  if (table.get(name) !== null) throw new Refusal(409, "AlreadyExists", `"${name}" already exists`);
  const creationTimestamp = `${new Date().toISOString().slice(0, 19)}Z`;
  return table.put({ ...object, metadata: { creationTimestamp, ...object.metadata, uid: randomUUID() } });
}

function onObject(table: ObjectTable, name: string, isStatus: boolean, call: ApiCall): string {
  const present = table.get(name);
  if (present === null) throw new Refusal(404, "NotFound", `"${name}" not found`);
  switch (call.method) {
    case "GET":
      return table.text(name) ?? "";
    case "DELETE":
      table.delete(name);
      return JSON.stringify({ kind: "Status", apiVersion: "v1", status: "Success" });
    case "PATCH":
      return patch(table, present, isStatus, call);
    default:
      throw new Refusal(405, "MethodNotAllowed", "the server does not allow this method on the resource");
  }
}

/** Through either door only its own half goes in, and the metadata. What changes nothing makes no version. */
function patch(
  table: ObjectTable,
  present: StoredObject,
  isStatus: boolean,
  { headers, body }: ApiCall,
): string {
  if (headers["content-type"] !== "application/strategic-merge-patch+json") {
    throw new Refusal(415, "UnsupportedMediaType", "only strategic merge patches are taken");
  }
  const merged = strategicMerge(present, JSON.parse(body.toString()) as JsonObject);
  const kept = isStatus ? "spec" : "status";
  const patched = { ...merged, [kept]: present[kept] ?? {} } as StoredObject;
  const isSame = isDeepStrictEqual(patched, { ...present, [kept]: present[kept] ?? {} });
  return isSame ? JSON.stringify(present) : table.put(patched);
}

function parse(body: Buffer): StoredObject | null {
  const object: unknown = JSON.parse(body.toString());
  if (!isJsonObject(object) || !isJsonObject(object.metadata ?? null)) return null;
  return typeof (object as StoredObject).metadata.name === "string" ? (object as StoredObject) : null;
}

class Refusal extends Error {
  readonly code: number;
  readonly text: string;

  constructor(code: number, reason: string, message: string, details: JsonObject = {}) {
    super(message);
    this.code = code;
    this.text = statusText(code, reason, message, details);
  }
}
