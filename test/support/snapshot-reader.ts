import { inspect } from "node:util";
import type { LeaseSnapshot } from "../../src/lease/lease.ts";
import type { LeaseStore } from "../../src/lease/store.ts";
import { Latest } from "../../src/runtime/latest.ts";
import { DEADLINE_MS } from "./eventually.ts";

const SHOWN_CHARACTERS = 2_000;

/** Reads a store's snapshots as an agent would, and lets a test wait for one that satisfies it. */
export class SnapshotReader {
  readonly #stop = new AbortController();
  readonly #done: Promise<void>;
  readonly #arrived = new Latest<null>();
  #latest: LeaseSnapshot | null = null;
  count = 0;

  constructor(store: LeaseStore) {
    this.#done = this.#read(store);
  }

  get latest(): LeaseSnapshot | null {
    return this.#latest;
  }

  /** Sorted keys of the leases in the newest snapshot. */
  get keys(): readonly string[] {
    return (this.#latest?.leases ?? []).map((lease) => lease.key).sort();
  }

  /** Unlike `eventually` it checks every snapshot, also one that the next replaced at once. */
  async until(isWanted: (snapshot: LeaseSnapshot) => boolean): Promise<void> {
    const deadline = AbortSignal.timeout(DEADLINE_MS);
    while (this.#latest === null || !isWanted(this.#latest)) {
      await this.#arrived.take(deadline).catch(() => {
        throw new Error(`no such snapshot within ${DEADLINE_MS} ms; ${this.#describe()}`);
      });
    }
  }

  untilKeys(wanted: readonly string[]): Promise<void> {
    const sorted = [...wanted].sort().join();
    return this.until(() => this.keys.join() === sorted);
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#done;
  }

  #describe(): string {
    if (this.#latest === null) return "there was none at all";
    const content = inspect(this.#latest.leases, { depth: null, breakLength: Number.POSITIVE_INFINITY });
    const keys = this.keys.join(", ").slice(0, SHOWN_CHARACTERS);
    return `number ${this.count} was the last, with ${keys}: ${content.slice(0, SHOWN_CHARACTERS)}`;
  }

  async #read(store: LeaseStore): Promise<void> {
    try {
      for await (const snapshot of store.snapshots(this.#stop.signal)) {
        this.#latest = snapshot;
        this.count += 1;
        this.#arrived.put(null);
      }
    } catch (error) {
      if (!this.#stop.signal.aborted) throw error;
    }
  }
}
