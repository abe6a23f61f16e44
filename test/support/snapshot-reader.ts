import type { LeaseSnapshot } from "../../src/lease/lease.ts";
import type { LeaseStore } from "../../src/lease/store.ts";

/** Reads a store's snapshots as an agent would, and lets a test wait for one that satisfies it. */
export class SnapshotReader {
  readonly #stop = new AbortController();
  readonly #done: Promise<void>;
  #latest: LeaseSnapshot | null = null;
  #wake = () => {};
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

  /** @returns how long it took, in milliseconds */
  async until(isWanted: (snapshot: LeaseSnapshot) => boolean, withinMs = 5_000): Promise<number> {
    const startedMs = performance.now();
    while (this.#latest === null || !isWanted(this.#latest)) {
      const leftMs = startedMs + withinMs - performance.now();
      if (leftMs <= 0) {
        throw new Error(
          `not within ${withinMs} ms; the last snapshot had ${this.keys.join(", ").slice(0, 1000)}`,
        );
      }
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, leftMs);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    return performance.now() - startedMs;
  }

  untilKeys(wanted: readonly string[], withinMs = 5_000): Promise<number> {
    const sorted = [...wanted].sort().join();
    return this.until(() => this.keys.join() === sorted, withinMs);
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#done;
  }

  async #read(store: LeaseStore): Promise<void> {
    try {
      for await (const snapshot of store.snapshots(this.#stop.signal)) {
        this.#latest = snapshot;
        this.count += 1;
        this.#wake();
      }
    } catch (error) {
      if (!this.#stop.signal.aborted) throw error;
    }
  }
}
