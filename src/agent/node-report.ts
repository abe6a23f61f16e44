import type { NetworkPlan, PeerPath, UnreachedPeer } from "./network-plan.ts";

/** What there is to tell of the node beside its readiness, for whoever asks; the agent writes it. */
export class NodeReport {
  #refusal: string | null = null;
  #refusals = 0;
  #paths: readonly PeerPath[] = [];
  #unreached: readonly UnreachedPeer[] = [];

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

  /** Leases without a path, each with the reason. */
  get unreached(): readonly UnreachedPeer[] {
    return this.#unreached;
  }

  configurationRefused(reason: string): void {
    this.#refusal = reason;
    this.#refusals += 1;
  }

  configurationAccepted(): void {
    this.#refusal = null;
  }

  planned({ paths, unreached }: Pick<NetworkPlan, "paths" | "unreached">): void {
    this.#paths = paths;
    this.#unreached = unreached;
  }
}
