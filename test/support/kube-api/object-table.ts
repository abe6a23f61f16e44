/** The objects of one kind with their history, as an API server keeps them: versions, pages, watches, compaction. */
import type { JsonObject, JsonValue } from "../../../src/runtime/json.ts";

export interface StoredObject extends JsonObject {
  readonly metadata: JsonObject & { readonly name: string };
}

export interface TableEvent {
  readonly type: "ADDED" | "MODIFIED" | "DELETED";
  readonly version: number;
  /** As JSON. */
  readonly text: string;
}

export interface Page {
  readonly items: readonly string[];
  readonly version: number;
  /** Where the next page begins; null after the last. */
  readonly next: string | null;
  readonly remaining: number;
}

/** All objects at a version. */
export interface Backup {
  readonly texts: ReadonlyMap<string, string>;
  readonly version: number;
}

export class ObjectTable {
  readonly #texts = new Map<string, string>();
  readonly #watchers = new Set<(event: TableEvent) => void>();
  #history: TableEvent[] = [];
  #version = 1000;
  /** History up to and with this version is gone. */
  #compacted = 1000;

  get version(): number {
    return this.#version;
  }

  get(name: string): StoredObject | null {
    const text = this.#texts.get(name);
    return text === undefined ? null : (JSON.parse(text) as StoredObject);
  }

  text(name: string): string | null {
    return this.#texts.get(name) ?? null;
  }

  put(object: StoredObject): string {
    const { name } = object.metadata;
    const type = this.#texts.has(name) ? "MODIFIED" : "ADDED";
    const version = ++this.#version;
    const metadata = { ...object.metadata, resourceVersion: String(version) };
    const text = JSON.stringify({ ...object, metadata });
    this.#texts.set(name, text);
    this.#record({ type, version, text });
    return text;
  }

  delete(name: string): boolean {
    const object = this.get(name);
    if (object === null) return false;
    this.#texts.delete(name);
    const version = ++this.#version;
    const metadata: Record<string, JsonValue> = { ...object.metadata, resourceVersion: String(version) };
    this.#record({ type: "DELETED", version, text: JSON.stringify({ ...object, metadata }) });
    return true;
  }

  clear(): void {
    for (const name of this.#texts.keys()) this.delete(name);
  }

  /** In the order of names; `after` is the last of the page before. */
  page(limit: number, after: string | null): Page {
    const names = [...this.#texts.keys()].sort().filter((name) => after === null || name > after);
    const shown = names.slice(0, limit);
    const last = shown.at(-1);
    return {
      items: shown.map((name) => this.#texts.get(name) ?? ""),
      version: this.#version,
      next: shown.length < names.length && last !== undefined ? last : null,
      remaining: names.length - shown.length,
    };
  }

  backUp(): Backup {
    return { texts: new Map(this.#texts), version: this.#version };
  }

  restore({ texts, version }: Backup): void {
    this.#texts.clear();
    for (const [name, text] of texts) this.#texts.set(name, text);
    this.#version = version;
    this.compact();
  }

  /** Forgets the history until now. */
  compact(): void {
    this.#history = [];
    this.#compacted = this.#version;
  }

  hasHistorySince(version: number): boolean {
    return version >= this.#compacted;
  }

  /** Every event after `version`, first those that happened. @returns what ends it */
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
    // As much as a watch cache keeps, more or less.
    if (this.#history.length > 20_000) {
      const dropped = this.#history.splice(0, 10_000);
      this.#compacted = dropped.at(-1)?.version ?? this.#compacted;
    }
    for (const watcher of this.#watchers) watcher(event);
  }
}
