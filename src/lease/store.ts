import type { NetworkConfig } from "../config/network-config.ts";
import type { DualIp, DualPrefix } from "../net/index.ts";
import type { Clock } from "../runtime/clock.ts";
import type { Files } from "../runtime/files.ts";
import type { Log } from "../runtime/log.ts";
import type { Random } from "../runtime/random.ts";
import type { HostIdentity } from "./host-identity.ts";
import type { Lease, LeaseContent, LeaseSnapshot } from "./lease.ts";
import type { Notice } from "./notice.ts";
import type { Dispute, Taken } from "./own-leases.ts";
import type { StoreHealth } from "./store-health.ts";

/**
 * Where leases live. A store delivers whole snapshots, the newest only, and never deltas: changes that a
 * connection missed are in the next snapshot. Every wait ends when its signal aborts, by throwing the signal's
 * reason.
 */
export interface LeaseStore {
  /** For log lines and errors, as in "the etcd store". */
  readonly name: string;

  /** "leased": nodes claim subnets by the configuration. "assigned": the cluster gives each node one of any length. */
  readonly subnets: "leased" | "assigned";

  /** True when the store identifies nodes; otherwise a node sends its identity, see {@link LeaseRequest}. */
  readonly identifiesNodes: boolean;

  readonly health: StoreHealth;

  /**
   * The network configuration as text: first the present one, then each new one. Retries during outages (logged,
   * with back-off), and waits for a configuration that does not exist yet.
   */
  configurations(signal: AbortSignal): AsyncIterable<string>;

  /**
   * Whether this node can have a lease of this network, as far as that is known yet. Absent where nodes claim subnets.
   * @throws TweedError `outside-network` when the cluster has assigned it another subnet
   */
  checkNetwork?(config: NetworkConfig, signal: AbortSignal): Promise<void>;

  /**
   * Finds this node's lease or claims a subnet, and publishes `content` on it. Call it again to publish other
   * content. Retries lost races.
   * @throws TweedError `lease-conflict`, `out-of-subnets`, `store-unavailable` (retryable), …
   */
  acquire(request: LeaseRequest, signal: AbortSignal): Promise<HeldLease>;

  /**
   * Renews the lease where the store has expiry; resolves with the reason once it is lost (expired, deleted, taken),
   * never because of an outage.
   */
  holdUntilLost(lease: HeldLease, signal: AbortSignal): Promise<string>;

  /** All leases, including this node's own: the present ones first, then again after each change, coalesced. */
  snapshots(signal: AbortSignal): AsyncIterable<LeaseSnapshot>;

  /**
   * All leases, read anew from the store's authority rather than a cache, independent of {@link snapshots}. A lease
   * that has expired only by this host's clock is listed too.
   * @throws TweedError (retryable) when it cannot be read, and `store-emptied` when the store lacks what a network in
   *   operation always has
   */
  list(signal: AbortSignal): Promise<readonly Lease[]>;

  /**
   * This node's lease from an earlier run, if it can be recognised, to learn what it published then. A node with an
   * identity finds it without an address.
   */
  previous(request: PreviousRequest, signal: AbortSignal): Promise<Lease | null>;

  /**
   * The addresses that an operator set in the store for this node to publish: they take precedence over
   * `--public-ip`. null for a family without. Absent in stores without such a setting.
   */
  publicIps?(signal: AbortSignal): Promise<DualIp>;

  /**
   * The host's addresses in the store, best first, for the choice of interface without a flag. Absent where
   * {@link previous} returns them.
   */
  hostIps?(signal: AbortSignal): Promise<readonly DualIp[]>;

  /**
   * Reports that the node's network carries packets of pods, in stores that can show it. Idempotent.
   */
  networkIsUp?(): void;

  /** Shows a notice to the operator, in stores that can. Returns at once; drops a notice that cannot be shown. */
  postNotice?(notice: Notice): void;

  /** Writes the network configuration, for an operator, without validating it. */
  configure(text: string, signal: AbortSignal): Promise<void>;

  /**
   * Deletes the lease of any node, for an operator: its owner notices the loss and acquires another.
   * @throws TweedError `no-such-lease`
   */
  release(key: string, signal: AbortSignal): Promise<void>;

  close(): Promise<void>;
}

/** The system interfaces of a store, passed in so that a test can replace them. */
export interface StoreSurroundings {
  readonly clock: Clock;
  readonly random: Random;
  readonly files: Files;
  readonly log: Log;
}

export interface LeaseRequest {
  readonly config: NetworkConfig;
  readonly content: LeaseContent;
  /** The lease that this node holds now, as last published; null when it has none or lost it. */
  readonly held: Lease | null;
  /** The subnets in subnet.env, preferred if they are still free and fit. */
  readonly previousSubnets: DualPrefix;
  /** Absent for a node that only its address identifies. In Kubernetes the Node identifies it. */
  readonly identity?: HostIdentity;
  /** Absent while no other node has written this node's lease. */
  readonly dispute?: Dispute;
}

export type PreviousRequest = Pick<LeaseRequest, "content" | "previousSubnets" | "identity">;

export interface HeldLease {
  readonly lease: Lease;
  /** Monotonic milliseconds at which it expires unless renewed; null when it never does. */
  readonly expiresAtMs: number | null;
  /** The previous owner, if that was another node. */
  readonly takenFrom?: Taken | null;
}
