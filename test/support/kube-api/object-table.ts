/** The objects of one kind with their history, as an API server stores them: versions, pages, watches, compaction. */
import type { JsonObject, JsonValue } from "../../../src/runtime/json.ts";
import { type Random, systemRandom } from "../../../src/runtime/random.ts";

export interface StoredObject extends JsonObject {
  readonly metadata: JsonObject & { readonly name: string };
}

export interface TableEvent {
  readonly type: "ADDED" | "MODIFIED" | "DELETED";
  readonly version: number;
  /** As JSON. */
  readonly text: string;
  /** The previous text; null when there was none. */
  readonly before: string | null;
  readonly key: string;
}

export interface Page {
  readonly items: readonly string[];
  readonly version: number;
  /** Start of the next page; null after the last. */
  readonly next: string | null;
  readonly remaining: number;
}

/** The key of an object: its name, after its namespace if it has one. */
export function keyOf({ metadata }: StoredObject): string {
  const { namespace, name } = metadata;
  return namespace === undefined ? name : `${String(namespace)}/${name}`;
}

/** All objects at a version. */
export interface Backup {
  readonly texts: ReadonlyMap<string, string>;
  readonly version: number;
}

export class ObjectTable {
  /** Of the uids: they are in the leases of a simulated cluster, of which a seed decides everything. */
  readonly #random: Random;
  readonly #texts = new Map<string, string>();
  readonly #watchers = new Set<(event: TableEvent) => void>();
  #history: TableEvent[] = [];
  #version: number;
  /** History up to and including this version is compacted. */
  #compacted: number;

  constructor(version = 1000, random = systemRandom) {
    this.#random = random;
    this.#version = version;
    this.#compacted = version;
  }

  get version(): number {
    return this.#version;
  }

  get(key: string): StoredObject | null {
    const text = this.#texts.get(key);
    return text === undefined ? null : (JSON.parse(text) as StoredObject);
  }

  text(key: string): string | null {
    return this.#texts.get(key) ?? null;
  }

  /** Stores an object as it is, except that every stored object has a uid. */
  put(object: StoredObject): string {
    const key = keyOf(object);
    const before = this.#texts.get(key) ?? null;
    const version = ++this.#version;
    const uid = object.metadata.uid ?? this.get(key)?.metadata.uid ?? uuid(this.#random);
    const metadata = { ...object.metadata, uid, resourceVersion: String(version) };
    const text = JSON.stringify({ ...object, metadata });
    this.#texts.set(key, text);
    this.#record({ type: before === null ? "ADDED" : "MODIFIED", version, text, before, key });
    return text;
  }

  delete(key: string): boolean {
    const object = this.get(key);
    if (object === null) return false;
    const before = this.#texts.get(key) ?? null;
    this.#texts.delete(key);
    const version = ++this.#version;
    const metadata: Record<string, JsonValue> = { ...object.metadata, resourceVersion: String(version) };
    this.#record({ type: "DELETED", version, text: JSON.stringify({ ...object, metadata }), before, key });
    return true;
  }

  clear(): void {
    for (const key of this.#texts.keys()) this.delete(key);
  }

  /**
   * A page in the order of keys, at a version (now, without one); `after` is the last key of the previous page. @param
   * isShown filter of the objects
   */
  page(
    limit: number,
    after: string | null,
    version = this.#version,
    isShown: ((key: string, text: string) => boolean) | null = null,
  ): Page {
    const texts = this.#textsAt(version);
    const all = [...texts.keys()].sort().filter((key) => after === null || key > after);
    const keys = isShown === null ? all : all.filter((key) => isShown(key, texts.get(key) ?? ""));
    const shown = keys.slice(0, limit);
    const last = shown.at(-1);
    // After a full page it is unknown whether another object passes the filter.
    const isLast = last === undefined || shown.length < limit || last === all.at(-1);
    return {
      items: shown.map((key) => texts.get(key) ?? ""),
      version,
      next: isLast ? null : last,
      remaining: keys.length - shown.length,
    };
  }

  /** Undoes the changes since that version. */
  #textsAt(version: number): ReadonlyMap<string, string> {
    if (version >= this.#version) return this.#texts;
    const texts = new Map(this.#texts);
    for (const event of [...this.#history].reverse()) {
      if (event.version <= version) break;
      if (event.before === null) texts.delete(event.key);
      else texts.set(event.key, event.before);
    }
    return texts;
  }

  backUp(): Backup {
    return { texts: new Map(this.#texts), version: this.#version };
  }

  /**
   * @param lowerBy lowers all versions by this: then it takes the server long to reach those that clients know, as with
   * a backup from before many writes
   */
  restore({ texts, version }: Backup, lowerBy = 0): void {
    this.#texts.clear();
    for (const [key, text] of texts) this.#texts.set(key, lowerBy === 0 ? text : lowered(text, lowerBy));
    this.#version = version - lowerBy;
    this.compact();
  }

  /** Removes the history until now. */
  compact(): void {
    this.#history = [];
    this.#compacted = this.#version;
  }

  hasHistorySince(version: number): boolean {
    return version >= this.#compacted;
  }

  /** Delivers every event after `version`, past ones first. @returns a function that ends it */
  watch(version: number, onEvent: (event: TableEvent) => void): () => void {
    const watcher = (event: TableEvent) => {
      if (event.version > version) onEvent(event);
    };
    for (const event of this.#history) watcher(event);
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  }

  #record(event: TableEvent): void {
    this.#history.push(event);
    // About the size of a watch cache.
    if (this.#history.length > 20_000) {
      const dropped = this.#history.splice(0, 10_000);
      this.#compacted = dropped.at(-1)?.version ?? this.#compacted;
    }
    for (const watcher of this.#watchers) watcher(event);
  }
}

function lowered(text: string, by: number): string {
  const object = JSON.parse(text) as StoredObject;
  const resourceVersion = String(Number(object.metadata.resourceVersion) - by);
  return JSON.stringify({ ...object, metadata: { ...object.metadata, resourceVersion } });
}

function uuid(random: Random): string {
  const digits = Buffer.from(random.bytes(16)).toString("hex");
  return digits.replace(/^(.{8})(.{4}).(.{3}).(.{3})(.{12})$/, "$1-$2-4$3-8$4-$5");
}
