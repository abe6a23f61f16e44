/** The keys of etcd and their history: one revision for each transaction that changed something. */

import { isWithin, type KeySpan } from "./key-span.ts";
import { ETCD_ERRORS } from "./rpc-error.ts";

/** A key as one revision left it. */
export interface KeyVersion {
  readonly key: string;
  readonly value: Buffer;
  readonly createRevision: number;
  readonly modRevision: number;
  /** Number of writes since the key was created; 0 for a deletion. */
  readonly version: number;
  readonly leaseId: string;
}

/** What a transaction may do; it reads its own writes. */
export interface KeyWriter {
  /** Of the reads: the new revision as soon as there is a change. */
  readonly revision: number;
  range(span: KeySpan, revision: number): readonly KeyVersion[];
  put(key: string, value: Buffer, leaseId: string): void;
  /** @returns the deleted versions */
  delete(span: KeySpan): readonly KeyVersion[];
}

const NO_LEASE = "0";

export class KeyHistory {
  /** etcd begins at 1. */
  #revision = 1;
  #compacted = 0;
  /** By key, oldest first. */
  readonly #versions = new Map<string, KeyVersion[]>();
  #changes: KeyVersion[] = [];
  #sortedKeys: readonly string[] | null = null;

  get revision(): number {
    return this.#revision;
  }

  /** The oldest revision that can be read; 0 before the first compaction. */
  get compacted(): number {
    return this.#compacted;
  }

  copy(): KeyHistory {
    const copy = new KeyHistory();
    copy.#revision = this.#revision;
    copy.#compacted = this.#compacted;
    for (const [key, versions] of this.#versions) copy.#versions.set(key, [...versions]);
    copy.#changes = [...this.#changes];
    return copy;
  }

  /**
   * Sorted by key.
   * @param revision 0 for the present state
   * @throws RpcError for a compacted or a future revision
   */
  range(span: KeySpan, revision = 0): readonly KeyVersion[] {
    if (revision > this.#revision) throw ETCD_ERRORS.futureRevision();
    if (revision > 0 && revision < this.#compacted) throw ETCD_ERRORS.compacted();
    return this.#live(span, revision > 0 ? revision : this.#revision);
  }

  /** @returns the result of `work`, and what it changed */
  write<T>(work: (writer: KeyWriter) => T): { readonly result: T; readonly changes: readonly KeyVersion[] } {
    const next = this.#revision + 1;
    const changes: KeyVersion[] = [];
    const add = (version: KeyVersion) => {
      changes.push(version);
      const versions = this.#versions.get(version.key);
      if (versions !== undefined) versions.push(version);
      else {
        this.#versions.set(version.key, [version]);
        this.#sortedKeys = null;
      }
    };
    const now = () => (changes.length > 0 ? next : this.#revision);
    const result = work({
      get revision() {
        return now();
      },
      range: (span, revision) =>
        revision > 0 && revision !== next ? this.range(span, revision) : this.#live(span, now()),
      put: (key, value, leaseId) => {
        const [before] = this.#live({ first: key, end: null }, next);
        const createRevision = before?.createRevision ?? next;
        add({ key, value, createRevision, modRevision: next, version: (before?.version ?? 0) + 1, leaseId });
      },
      delete: (span) => {
        const deleted = this.#live(span, next);
        for (const { key } of deleted) add(tombstone(key, next));
        return deleted;
      },
    });
    if (changes.length > 0) this.#revision = next;
    this.#changes.push(...changes);
    return { result, changes };
  }

  /** Changes of the span from this revision on, as the history still has them; for a watch. */
  changesFrom(revision: number, span: KeySpan): readonly KeyVersion[] {
    return this.#changes.filter((change) => change.modRevision >= revision && isWithin(change.key, span));
  }

  /** @throws RpcError for a revision that is compacted already, or a future one */
  compact(revision: number): void {
    if (revision <= this.#compacted) throw ETCD_ERRORS.compacted();
    if (revision > this.#revision) throw ETCD_ERRORS.futureRevision();
    this.#compacted = revision;
    for (const [key, versions] of this.#versions) {
      const live = versions.findLastIndex((version) => version.modRevision <= revision);
      // A deletion is forgotten with its revision (mvcc/key_index.go, compact).
      const first = live < 0 ? 0 : versions[live]?.version === 0 ? live + 1 : live;
      if (first === 0) continue;
      if (first < versions.length) this.#versions.set(key, versions.slice(first));
      else this.#forget(key);
    }
    this.#changes = this.#changes.filter(
      ({ modRevision, version }) => modRevision > revision || (modRevision === revision && version > 0),
    );
  }

  #forget(key: string): void {
    this.#versions.delete(key);
    this.#sortedKeys = null;
  }

  #live(span: KeySpan, revision: number): KeyVersion[] {
    const keys = span.end === null ? [span.first] : this.#keys().filter((key) => isWithin(key, span));
    return keys.flatMap((key) => {
      const found = this.#versions.get(key)?.findLast((version) => version.modRevision <= revision);
      return found === undefined || found.version === 0 ? [] : [found];
    });
  }

  #keys(): readonly string[] {
    this.#sortedKeys ??= [...this.#versions.keys()].sort((a, b) => (a < b ? -1 : 1));
    return this.#sortedKeys;
  }
}

function tombstone(key: string, modRevision: number): KeyVersion {
  return { key, value: Buffer.alloc(0), createRevision: 0, modRevision, version: 0, leaseId: NO_LEASE };
}
