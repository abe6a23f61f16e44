import type { Lease, LeaseSnapshot } from "../../src/lease/lease.ts";
import type { LeaseStore } from "../../src/lease/store.ts";

/** A store's newest snapshot, as an agent gets it. */
export class SnapshotWatch {
  readonly #store: LeaseStore;
  readonly #stop = new AbortController();
  readonly #ended: Promise<void>;
  #latest: LeaseSnapshot | null = null;

  constructor(store: LeaseStore) {
    this.#store = store;
    this.#ended = this.#follow();
  }

  get latest(): LeaseSnapshot | null {
    return this.#latest;
  }

  get leases(): readonly Lease[] {
    return this.#latest?.leases ?? [];
  }

  /** Closes the store too. */
  async stop(): Promise<void> {
    this.#stop.abort(new Error("measured"));
    await this.#ended;
    await this.#store.close();
  }

  async #follow(): Promise<void> {
    try {
      for await (const snapshot of this.#store.snapshots(this.#stop.signal)) this.#latest = snapshot;
    } catch (error) {
      if (!this.#stop.signal.aborted) throw error;
    }
  }
}

/** Whether the snapshot has this lease with the same publication. */
export function has(leases: readonly Lease[], { publicIps, offers }: Lease): boolean {
  const wanted = JSON.stringify([publicIps.v4, offers]);
  return leases.some((lease) => JSON.stringify([lease.publicIps.v4, lease.offers]) === wanted);
}
