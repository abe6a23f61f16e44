import type { Invariant } from "../invariants/violation.ts";
import type { NetworkPlan, PeerPath, UnreachedPeer } from "../network-plan.ts";
import type { WithdrawalTotals } from "../switch-over/mass-withdrawal.ts";

export interface InvariantState {
  /** null while it holds. */
  readonly reason: string | null;
  /** Checks that found it violated, since the start. */
  readonly total: number;
}

const HELD: InvariantState = { reason: null, total: 0 };

/** The state of the node besides its readiness, for the status document and metrics; the agent writes it. */
export class NodeReport {
  #refusal: string | null = null;
  #refusals = 0;
  #paths: readonly PeerPath[] = [];
  #unreached: readonly UnreachedPeer[] = [];
  #obstructed: readonly UnreachedPeer[] = [];
  /** For each invariant why it is violated, and how often it was. */
  invariants: Readonly<Record<Invariant, InvariantState>> = {
    "shared-prefix": HELD,
    "unleased-object": HELD,
    "unnamed-object": HELD,
  };
  /** Mass withdrawals: the peers held back now, and totals since the start. */
  withdrawals: WithdrawalTotals & { readonly heldBack: number } = {
    heldBack: 0,
    begun: 0,
    withdrawn: 0,
    returned: 0,
  };

  /** Why the newest network configuration is not in force; null when it is. */
  get refusal(): string | null {
    return this.#refusal;
  }

  /** Configurations refused since the start. */
  get refusals(): number {
    return this.#refusals;
  }

  get paths(): readonly PeerPath[] {
    return this.#paths;
  }

  /** Leases without a path, or whose packets are diverted from it, each with the reason. */
  get unreached(): readonly UnreachedPeer[] {
    return this.#obstructed.length === 0 ? this.#unreached : [...this.#unreached, ...this.#obstructed];
  }

  configurationRefused(reason: string): void {
    this.#refusal = reason;
    this.#refusals += 1;
  }

  configurationAccepted(): void {
    this.#refusal = null;
  }

  /** Peers whose packets foreign routes or rules divert. */
  obstructed(peers: readonly UnreachedPeer[]): void {
    this.#obstructed = peers;
  }

  planned({ paths, unreached }: Pick<NetworkPlan, "paths" | "unreached">): void {
    this.#paths = paths;
    this.#unreached = unreached;
  }
}
