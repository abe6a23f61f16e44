/**
 * The store of one run of a daemon, whose watch may lose everything although the store still has it, as a watch cache
 * that starts empty. A reading that does not depend on the watch is right.
 */
import type { LeaseSnapshot } from "../../src/lease/lease.ts";
import type { LeaseStore } from "../../src/lease/store.ts";
import { Latest } from "../../src/runtime/latest.ts";
import { linkedAbort } from "../../src/runtime/linked-abort.ts";
import { storeWith } from "./store-with.ts";

const NOTHING: LeaseSnapshot = { leases: [], junk: [] };

export class WatchedStore {
  readonly store: LeaseStore;
  readonly #real: LeaseStore;
  readonly #handedOut = new Latest<LeaseSnapshot>();
  /** The newest one of the real watch; null before the first. */
  #received: LeaseSnapshot | null = null;
  #isEmpty = false;

  constructor(real: LeaseStore) {
    this.#real = real;
    this.store = storeWith(real, { snapshots: (signal) => this.#snapshots(signal) });
  }

  setEmpty(isEmpty: boolean): void {
    if (isEmpty === this.#isEmpty) return;
    this.#isEmpty = isEmpty;
    if (isEmpty) this.#handedOut.put(NOTHING);
    else if (this.#received !== null) this.#handedOut.put(this.#received);
  }

  async *#snapshots(signal: AbortSignal): AsyncGenerator<LeaseSnapshot, void> {
    const ended = linkedAbort(signal);
    void this.#follow(ended.signal).catch((error: unknown) => ended.abort(error));
    try {
      for (;;) yield await this.#handedOut.take(ended.signal);
    } finally {
      ended.abort();
    }
  }

  async #follow(signal: AbortSignal): Promise<void> {
    for await (const snapshot of this.#real.snapshots(signal)) {
      this.#received = snapshot;
      if (!this.#isEmpty) this.#handedOut.put(snapshot);
    }
  }
}
