/** The events that the switch-over handles, see reducer.ts. */
import type { Lease, LeaseContent, LeaseSnapshot } from "../../lease/lease.ts";
import type { Advertisement } from "./advertisement-history.ts";

/** A backend by its channel. Two backends of one channel with different options are distinct, by reference. */
export interface OnChannel {
  readonly channel: string;
}

/** The properties of this host that decide what it can publish. */
export interface Advertiser<B> {
  /** Whether the backend can work on this host. */
  supports(backend: B): boolean;
  /** What the node publishes with these backends; at least one is required. */
  contentOf(backends: readonly B[]): LeaseContent;
}

/** The progress of kernel, effects and firewall towards the last desired state. */
export interface Parts<B> {
  /** Backends whose devices exist and are up. */
  readonly kernel: ReadonlySet<B>;
  /** Backends whose effect is in force, and those without one. */
  readonly effects: ReadonlySet<B>;
  /** The rules are in place, or cannot be written. */
  readonly firewall: boolean;
}

export type SwitchOverEvent<B> =
  | { readonly kind: "time passed" }
  /** The configuration in force prefers this backend. */
  | { readonly kind: "configuration accepted"; readonly backend: B }
  | { readonly kind: "host changed"; readonly host: Advertiser<B> }
  /** The store stopped answering this node, or answers again. */
  | { readonly kind: "store health changed"; readonly isAway: boolean }
  /** The store has acknowledged it; `lease` is this node's. */
  | { readonly kind: "lease published"; readonly advertisement: Advertisement<B>; readonly lease: Lease }
  | { readonly kind: "lease lost" }
  | { readonly kind: "snapshot received"; readonly snapshot: LeaseSnapshot }
  /** The reading that "read leases" requested. */
  | { readonly kind: "leases read"; readonly leases: readonly Lease[] }
  | { readonly kind: "leases not read"; readonly reason: string }
  /** A desired state was passed to kernel and effects. */
  | {
      readonly kind: "planned";
      /** Backends on which this state receives. */
      readonly backends: readonly B[];
      /** Channels that a path uses. */
      readonly used: ReadonlySet<string>;
      /** Keys of the peers to which a path leads. */
      readonly peers: ReadonlySet<string>;
      /** When to plan again even without another event, in monotonic time; null for never. */
      readonly replanAtMs: number | null;
    }
  /** A pass over the kernel has ended, with or without failures. */
  | { readonly kind: "kernel passed" }
  | { readonly kind: "parts reported"; readonly parts: Parts<B> }
  /** The retained-backends file holds these, or cannot be written. */
  | { readonly kind: "backends retained"; readonly backends: readonly B[] };
