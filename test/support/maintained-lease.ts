import type { HeldLease, LeaseStore } from "../../src/lease/store.ts";

/** A lease that a store maintains, and its outcome. */
export class MaintainedLease {
  /** "kept" until the store says why it is lost. */
  fate = "kept";
  readonly ended: Promise<void>;

  constructor(store: Pick<LeaseStore, "holdUntilLost">, held: HeldLease, signal: AbortSignal) {
    this.ended = this.#keep(store, held, signal);
  }

  async #keep(store: Pick<LeaseStore, "holdUntilLost">, held: HeldLease, signal: AbortSignal): Promise<void> {
    try {
      this.fate = `lost: ${await store.holdUntilLost(held, signal)}`;
    } catch (error) {
      this.fate = signal.aborted ? "kept until it was stopped" : `failed: ${error}`;
    }
  }
}
