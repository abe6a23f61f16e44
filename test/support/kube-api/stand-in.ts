/**
 * Answers as an API server does, for nodes, pods and events: versions, pages with continue tokens, watches with
 * bookmarks and "410 Gone", patches of an object and of its status alone. It refuses what a real server refuses:
 * `test/cluster/differential` compares the two.
 */

import type { Timer } from "../../../src/runtime/clock.ts";
import { systemClock } from "../../../src/runtime/clock.ts";
import { systemRandom } from "../../../src/runtime/random.ts";
import { answerDryRun, isDryRun } from "./dry-run.ts";
import { type Answerer, type ApiCall, type Reply, replyWith, statusText } from "./exchange.ts";
import { continueToken, failedVersion, isSet, type ListOptions, readListOptions } from "./list-options.ts";
import { type Backup, ObjectTable, type StoredObject } from "./object-table.ts";
import {
  create,
  MAX_BODY_BYTES,
  patch,
  remove,
  replace,
  type Surroundings,
  type Target,
} from "./object-writes.ts";
import { notFound, Refusal } from "./refusal.ts";
import { RESOURCE_KINDS, type ResourceKind } from "./resource-kinds.ts";
import { selectorOf } from "./selectors.ts";
import { eventInView, line } from "./watch-events.ts";

export interface StandInOptions {
  /** A real server sends one about once a minute. */
  readonly bookmarkMs: number;
  /** False behaves as a watch cache, which answers `resourceVersion=0` with the whole list. */
  readonly pagesFromCache: boolean;
  /** The most objects in a page, whatever a client asks for; without it there is no limit. */
  readonly maxPage?: number;
  /** The resource version before any write. */
  readonly firstVersion?: number;
}

const PATH =
  /^\/api\/v1\/(?:namespaces\/(?<namespace>[^/]+)\/)?(?<resource>[a-z]+)(?:\/(?<name>[^/]+))?(?:\/(?<sub>status))?$/;

const WATCH_SECONDS = 1800;

/** The objects that a list or a watch selects. */
interface View {
  readonly table: ObjectTable;
  readonly kind: ResourceKind;
  readonly isShown: ((text: string) => boolean) | null;
  readonly hasSelector: boolean;
}

export class StandIn {
  /** The largest number of bookmarks sent to one watch. */
  bookmarks = 0;
  readonly #tables: ReadonlyMap<string, { readonly kind: ResourceKind; readonly table: ObjectTable }>;
  readonly #options: StandInOptions;
  readonly #surroundings: Surroundings;
  #laggingCache: ReturnType<ObjectTable["page"]> | null = null;
  readonly #openWatches = new Set<(line: string | null) => void>();

  constructor(
    options: StandInOptions,
    surroundings: Surroundings = { clock: systemClock, random: systemRandom },
  ) {
    this.#options = options;
    this.#surroundings = surroundings;
    const { random } = surroundings;
    const tableOf = (kind: ResourceKind) => ({ kind, table: new ObjectTable(options.firstVersion, random) });
    this.#tables = new Map(RESOURCE_KINDS.map((kind) => [kind.resource, tableOf(kind)]));
  }

  get nodes(): ObjectTable {
    return this.#resource("nodes").table;
  }

  readonly answer: Answerer = (call, reply) => {
    try {
      this.#route(call, reply);
    } catch (error) {
      const refusal = error instanceof Refusal ? error : new Refusal(500, "InternalError", String(error));
      replyWith(reply, refusal.code, refusal.text);
    }
  };

  #route(call: ApiCall, reply: Reply): void {
    const { namespace = null, resource = "", name, sub } = PATH.exec(call.path)?.groups ?? {};
    const known = this.#tables.get(resource);
    if (known === undefined && isDryRun(call)) {
      answerDryRun(call, reply);
      return;
    }
    const { kind, table } = this.#resource(resource);
    if (namespace !== null && !kind.isNamespaced) throw unknownPath();
    if (sub === "status" && !kind.hasStatus) throw unknownPath();
    if (call.body.length > MAX_BODY_BYTES) {
      const message = `Request entity too large: limit is ${MAX_BODY_BYTES}`;
      throw new Refusal(413, "RequestEntityTooLarge", message);
    }
    const surroundings = this.#surroundings;
    if (name === undefined) {
      if (call.method === "POST")
        replyWith(reply, 201, create({ surroundings, table, kind, namespace }, call));
      else if (call.method !== "GET") throw notAllowed();
      else this.#read(this.#view(kind, table, namespace, call), call, reply);
      return;
    }
    const named = { name: decodeURIComponent(name), isStatus: sub === "status" };
    replyWith(reply, ...onObject({ surroundings, table, kind, namespace, ...named }, call));
  }

  #resource(resource: string): { readonly kind: ResourceKind; readonly table: ObjectTable } {
    const known = this.#tables.get(resource);
    if (known === undefined) throw unknownPath();
    return known;
  }

  #view(kind: ResourceKind, table: ObjectTable, namespace: string | null, { query }: ApiCall): View {
    const selector = selectorOf(query, kind.selectable);
    const isAll = selector === null && namespace === null;
    const isShown = (text: string) => {
      const object = JSON.parse(text) as StoredObject;
      if (namespace !== null && object.metadata.namespace !== namespace) return false;
      return selector === null || selector(object);
    };
    return { table, kind, isShown: isAll ? null : isShown, hasSelector: selector !== null };
  }

  /** Removes the history: pages and watches from before now get "410"; open watches go on. */
  compact(): void {
    for (const { table } of this.#tables.values()) table.compact();
  }

  /** The watch cache of nodes stays as it is now: lists from it lag behind etcd. */
  lagCache(): void {
    const { version } = this.nodes;
    const { items } = this.nodes.page(Number.POSITIVE_INFINITY, null);
    this.#laggingCache = { version, items, next: null, remaining: 0 };
  }

  /** As `compact`, and every open watch gets "410" too. */
  expire(): void {
    this.compact();
    this.#tellWatches(errorLine(410, "Expired", "too old resource version"));
    this.endWatches();
  }

  endWatches(): void {
    this.#tellWatches(null);
  }

  /** As after a restore of etcd: the server starts again, without a history. */
  restore(backup: Backup, lowerBy = 0): void {
    this.nodes.restore(backup, lowerBy);
    this.endWatches();
  }

  #tellWatches(line: string | null): void {
    for (const tell of this.#openWatches) tell(line);
  }

  #read(view: View, call: ApiCall, reply: Reply): void {
    const options = readListOptions(call.query);
    if (isSet(call.query, "watch")) this.#watch(view, options, call, reply);
    else this.#list(view, options, reply);
  }

  #list(
    { table, kind, isShown, hasSelector }: View,
    { limit, place, version, match }: ListOptions,
    reply: Reply,
  ): void {
    const isCached = place === null && version === 0 && !this.#options.pagesFromCache;
    const isExact =
      place === null &&
      version !== null &&
      version > 0 &&
      (match === "Exact" || (match === "" && limit < Number.POSITIVE_INFINITY));
    const at = place === null ? (isExact ? version : null) : place.version;
    if (version !== null && version > table.version) throw tooLarge(version, table.version);
    if (at !== null && !table.hasHistorySince(at)) {
      if (place !== null) throw expiredPlace(place.after);
      throw new Refusal(410, "Expired", "The resourceVersion for the provided list is too old.");
    }
    const shown = isShown === null ? null : (_key: string, text: string) => isShown(text);
    const most = Math.min(limit, this.#options.maxPage ?? limit);
    const cache = place === null && (version === 0 || match === "NotOlderThan") ? this.#laggingCache : null;
    if (cache !== null && Number(version) > cache.version) throw tooLarge(Number(version), cache.version);
    const page =
      cache ??
      table.page(
        isCached ? Number.POSITIVE_INFINITY : most,
        place?.after ?? null,
        at ?? table.version,
        shown,
      );
    const next = page.next === null ? null : continueToken({ version: page.version, after: page.next });
    const metadata = {
      resourceVersion: String(page.version),
      ...(next === null ? {} : { continue: next }),
      ...(next === null || hasSelector ? {} : { remainingItemCount: page.remaining }),
    };
    reply.begin(200, { "content-type": "application/json" });
    reply.write(
      `{"kind":"${kind.kind}List","apiVersion":"v1","metadata":${JSON.stringify(metadata)},"items":[`,
    );
    // As with Go's structs: items do not repeat the kind and version of the list.
    const typeOfEach = `{"kind":"${kind.kind}","apiVersion":"v1",`;
    for (const [index, item] of page.items.entries()) {
      const text = item.startsWith(typeOfEach) ? `{${item.slice(typeOfEach.length)}` : item;
      reply.write(index === 0 ? text : `,${text}`);
    }
    reply.write("]}\n");
    reply.end();
  }

  #watch(
    { table, kind, isShown }: View,
    { version: given }: ListOptions,
    { query, gone }: ApiCall,
    reply: Reply,
  ): void {
    const version = given === null || given === 0 ? table.version : given;
    reply.begin(200, { "content-type": "application/json" });
    if (!table.hasHistorySince(version)) {
      reply.write(errorLine(410, "Expired", `too old resource version: ${version} (${table.version})`));
      reply.end();
      return;
    }
    // Without a version, or with version 0: first the current objects.
    if (given === null || given === 0) {
      for (const text of table.page(Number.POSITIVE_INFINITY, null).items)
        if (isShown === null || isShown(text)) reply.write(line("ADDED", text));
    }
    let sent = 0;
    const bookmark = () => {
      // As a real server, which sends a watch no event before its version.
      if (!isSet(query, "allowWatchBookmarks") || version > table.version) return;
      const empty = kind.decode({
        kind: kind.kind,
        apiVersion: "v1",
        metadata: { resourceVersion: String(table.version) },
      });
      this.bookmarks = Math.max(this.bookmarks, ++sent);
      reply.write(line("BOOKMARK", JSON.stringify(empty)));
    };
    const stop = table.watch(version, (event) => {
      const text = eventInView(event, isShown);
      if (text !== null) reply.write(text);
    });
    const { clock } = this.#surroundings;
    let nextBookmark: Timer;
    const bookmarkLater = () => {
      nextBookmark = clock.startTimer(this.#options.bookmarkMs, () => {
        if (!this.#openWatches.has(tell)) return;
        bookmark();
        bookmarkLater();
      });
    };
    bookmarkLater();
    const end = () => {
      stop();
      nextBookmark.cancel();
      timeout.cancel();
      this.#openWatches.delete(tell);
      reply.end();
    };
    const tell = (text: string | null) => (text === null ? end() : reply.write(text));
    const timeout = clock.startTimer(Number(query.get("timeoutSeconds") || WATCH_SECONDS) * 1000, () => {
      bookmark();
      end();
    });
    this.#openWatches.add(tell);
    gone.addEventListener("abort", end, { once: true });
  }
}

function onObject(target: Target, call: ApiCall): [number, string] {
  const { table, kind, namespace, name } = target;
  switch (call.method) {
    case "GET": {
      const text = table.text(namespace === null ? name : `${namespace}/${name}`);
      const version = call.query.get("resourceVersion") ?? "";
      if (!/^\d*$/.test(version)) throw failedVersion(version);
      if (Number(version) > table.version) throw tooLarge(Number(version), table.version);
      if (text === null) throw notFound(kind.resource, name);
      return [200, text];
    }
    case "DELETE":
      if (target.isStatus) throw notAllowed();
      return [200, remove(target, call)];
    case "PATCH":
      return [200, patch(target, call)];
    case "PUT": {
      const isNew = table.text(namespace === null ? name : `${namespace}/${name}`) === null;
      return [isNew ? 201 : 200, replace(target, call)];
    }
    default:
      throw notAllowed();
  }
}

function notAllowed(): Refusal {
  return new Refusal(
    405,
    "MethodNotAllowed",
    "the server does not allow this method on the requested resource",
  );
}

function unknownPath(): Refusal {
  return new Refusal(404, "NotFound", "the server could not find the requested resource");
}

function tooLarge(version: number, current: number): Refusal {
  const causes = [{ reason: "ResourceVersionTooLarge", message: "Too large resource version" }];
  const message = `Too large resource version: ${version}, current: ${current}`;
  return new Refusal(504, "Timeout", message, { causes, retryAfterSeconds: 1 });
}

/** With a token to continue, for clients that accept the rest at another version. */
function expiredPlace(after: string): Refusal {
  const message = "The provided continue parameter is too old to display a consistent list result.";
  const metadata = { continue: continueToken({ version: null, after }) };
  return new Refusal(410, "Expired", message, {}, metadata);
}

function errorLine(code: number, reason: string, message: string): string {
  return line("ERROR", statusText(code, reason, message));
}
