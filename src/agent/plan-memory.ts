/**
 * Results for the peers of earlier plans, for a node that plans after each of fifty changes a second among thousands of
 * leases. Plans with a memory equal plans without one.
 */
import type { Sender } from "../../backends/backend.ts";
import type { AcceptedLease } from "../lease/accept.ts";
import { AcceptMemory } from "../lease/accept-memory.ts";
import { isSameList } from "../runtime/same-list.ts";
import type { ChosenPath } from "./switch-over/path-choice.ts";

export interface PlannedPeer {
  readonly accepted: AcceptedLease;
  readonly sender: Sender;
  /** null without a common backend. */
  readonly path: ChosenPath | null;
}

export class PlanMemory {
  readonly accept = new AcceptMemory();
  #published: readonly unknown[] = [];
  #peers = new WeakMap<AcceptedLease, PlannedPeer>();

  /** Forgets all peers unless these are the backends of the last call. */
  prepare(published: readonly unknown[]): void {
    if (isSameList(published, this.#published)) return;
    this.#published = published;
    this.#peers = new WeakMap();
  }

  peer(accepted: AcceptedLease, plan: () => PlannedPeer): PlannedPeer {
    const known = this.#peers.get(accepted);
    if (known !== undefined) return known;
    const result = plan();
    this.#peers.set(accepted, result);
    return result;
  }
}
