import type { NetworkConfig } from "../config/network-config.ts";
import type { DualIp, DualPrefix } from "../net/index.ts";
import type { Clock } from "../runtime/clock.ts";
import type { Files } from "../runtime/files.ts";
import type { Log } from "../runtime/log.ts";
import type { Random } from "../runtime/random.ts";
import type { HostIdentity } from "./host-identity.ts";
import type { Lease, LeaseContent, LeaseSnapshot } from "./lease.ts";
import type { Notice } from "./notice.ts";
import type { Dispute } from "./own-leases.ts";
import type { StoreHealth } from "./store-health.ts";

/**
 * Where leases live. A store hands over whole snapshots, the newest only, and never deltas: whatever a
 * connection lost in between shows in the next snapshot. Everything that waits ends when its signal aborts, by
 * throwing the signal's reason.
 */
export interface LeaseStore {
  /** For messages, as in "the etcd store". */
  readonly name: string;

  /** Nodes lease subnets as the configuration says, or the cluster assigns each node one of any length in the network. */
  readonly subnets: "leased" | "assigned";

  /** The store itself tells nodes apart, whatever they publish; elsewhere a node says who it is, see {@link LeaseRequest}. */
  readonly identifiesNodes: boolean;

  readonly health: StoreHealth;

  /**
   * The network configuration as text, first the present one and then each new one. Outages are waited out
   * inside (logged, with back-off); a configuration that does not exist yet is an outage.
   */
  configurations(signal: AbortSignal): AsyncIterable<string>;

  /**
   * Finds this node's lease or claims a subnet, and publishes `content` on it. Calling it again with other
   * content publishes that. Lost races are retried inside.
   * @throws TweedError `lease-conflict`, `out-of-subnets`, `store-unavailable` (retryable), …
   */
  acquire(request: LeaseRequest, signal: AbortSignal): Promise<HeldLease>;

  /**
   * Keeps the lease alive, by renewal where the store has expiry; resolves with the reason once it is lost
   * (expired, deleted, taken), never because a store is away.
   */
  holdUntilLost(lease: HeldLease, signal: AbortSignal): Promise<string>;

  /** All leases, this node's own among them: first those of now, then again after each change, coalesced. */
  snapshots(signal: AbortSignal): AsyncIterable<LeaseSnapshot>;

  /**
   * The lease this node holds from an earlier life, if it can be recognised; for what it published then. By its identity
   * it is also found without an address.
   */
  previous(request: PreviousRequest, signal: AbortSignal): Promise<Lease | null>;

  /**
   * The addresses that an operator wants this node to publish, where the store has a place to say so: they go
   * before `--public-ip`. null for a family without.
   */
  publicIps?(signal: AbortSignal): Promise<DualIp>;

  /**
   * Addresses that the store knows this host by, best first: for the choice of interface, where no flag decides. Absent
   * where those are what {@link previous} tells.
   */
  hostIps?(signal: AbortSignal): Promise<readonly DualIp[]>;

  /**
   * The node's network carries packets of pods now, for stores that have a place to say so. Telling it again is
   * nothing new.
   */
  networkIsUp?(): void;

  /** Shows a notice to the operator, where the store has a place for that. Returns at once, and gives up by itself. */
  postNotice?(notice: Notice): void;

  /** Writes the network configuration, for an operator: the text is taken as it is. */
  configure(text: string, signal: AbortSignal): Promise<void>;

  /**
   * Deletes a lease, whoever's it is, for an operator: its owner will notice and seek another.
   * @throws TweedError `no-such-lease`
   */
  release(key: string, signal: AbortSignal): Promise<void>;

  close(): Promise<void>;
}

/** What a store is given of the world, so that a test can own it. */
export interface StoreSurroundings {
  readonly clock: Clock;
  readonly random: Random;
  readonly files: Files;
  readonly log: Log;
}

export interface LeaseRequest {
  readonly config: NetworkConfig;
  readonly content: LeaseContent;
  /** The lease that this node holds until now, as it was last published; null when it has none or lost it. */
  readonly held: Lease | null;
  /** The subnets in subnet.env, wanted again if they are still free and fit. */
  readonly previousSubnets: DualPrefix;
  /** Who asks; absent where the node is known by its address alone. Kubernetes has the Node for it. */
  readonly identity?: HostIdentity;
  /** Absent before anybody wrote on this node's lease. */
  readonly dispute?: Dispute;
}

export type PreviousRequest = Pick<LeaseRequest, "content" | "previousSubnets" | "identity">;

export interface HeldLease {
  readonly lease: Lease;
  /** Milliseconds of monotonic time at which it lapses unless renewed; null when it never does. */
  readonly expiresAtMs: number | null;
  /** Id of the node that had the lease before, if that was another one. */
  readonly takenFrom?: string | null;
}
