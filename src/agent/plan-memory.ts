/**
 * Results for the peers of earlier plans, for a node that plans after each of fifty changes a second among thousands of
 * leases. Plans with a memory equal plans without one. The objects for a peer stay the same until its lease changes: few
 * new ones spare the garbage collector, and what is derived from them can be remembered too.
 */
import type { Sender } from "../../backends/backend.ts";
import { PeerMemory } from "../../backends/peer-memory.ts";
import type { TunnelSender } from "../kernel/firewall/packet-origins.ts";
import type { AcceptedLease } from "../lease/accept.ts";
import { AcceptMemory } from "../lease/accept-memory.ts";
import { isSameList } from "../runtime/same-list.ts";
import type { PeerPath } from "./network-plan.ts";
import type { ChosenPath } from "./switch-over/path-choice.ts";

export interface PlannedPeer {
  readonly accepted: AcceptedLease;
  readonly sender: Sender;
  readonly tunnelSenders: readonly TunnelSender[];
  /** null without a common backend. */
  readonly path: ChosenPath | null;
  /** The path for reports. */
  readonly report: PeerPath | null;
}

export class PlanMemory {
  readonly accept = new AcceptMemory();
  #published: readonly unknown[] = [];
  #peers = new WeakMap<AcceptedLease, PlannedPeer>();
  #paths = new WeakMap<object, PeerMemory>();

  /**
   * Forgets all unless all that results depend on besides leases is equal to the last call's.
   * @param published backends, compared by identity
   */
  prepare(basis: readonly unknown[], published: readonly unknown[]): void {
    const isSameBasis = this.accept.prepare(basis);
    if (isSameBasis && isSameList(published, this.#published)) return;
    this.#published = published;
    this.#peers = new WeakMap();
    this.#paths = new WeakMap();
  }

  peer(accepted: AcceptedLease, plan: (accepted: AcceptedLease) => PlannedPeer): PlannedPeer {
    const known = this.#peers.get(accepted);
    if (known !== undefined) return known;
    const result = plan(accepted);
    this.#peers.set(accepted, result);
    return result;
  }

  /** For the plans of this backend. */
  of(backend: object): PeerMemory {
    let memory = this.#paths.get(backend);
    if (memory === undefined) {
      memory = new PeerMemory();
      this.#paths.set(backend, memory);
    }
    return memory;
  }
}
