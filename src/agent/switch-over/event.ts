/** What the switch-over is told, see reducer.ts. */
import type { Lease, LeaseContent, LeaseSnapshot } from "../../lease/lease.ts";
import type { Advertisement } from "./advertisement-history.ts";

/** A backend by what peers share with it. Two of one channel with other options are two, and known by reference. */
export interface OnChannel {
  readonly channel: string;
}

/** This host, as far as it decides what can be published. */
export interface Advertiser<B> {
  /** Whether the backend can work on this host. */
  suits(backend: B): boolean;
  /** What the node publishes with these backends, of which there is at least one. */
  contentOf(backends: readonly B[]): LeaseContent;
}

/** How far kernel, effects and firewall have come with the last desired state. */
export interface Parts<B> {
  /** Backends whose devices are there and up. */
  readonly kernel: ReadonlySet<B>;
  /** Backends whose effect works, and those that have none. */
  readonly effects: ReadonlySet<B>;
  /** The rules are as desired, or cannot be. */
  readonly firewall: boolean;
}

export type SwitchOverEvent<B> =
  | { readonly kind: "time passed" }
  /** The configuration in force prefers this backend. */
  | { readonly kind: "configuration accepted"; readonly backend: B }
  | { readonly kind: "host changed"; readonly host: Advertiser<B> }
  /** The store has it; `lease` is this node's. */
  | { readonly kind: "lease published"; readonly advertisement: Advertisement<B>; readonly lease: Lease }
  | { readonly kind: "lease lost" }
  | { readonly kind: "snapshot received"; readonly snapshot: LeaseSnapshot }
  /** A desired state was handed to kernel and effects. */
  | {
      readonly kind: "planned";
      /** What the state receives on. */
      readonly backends: readonly B[];
      /** Channels that a path takes. */
      readonly used: ReadonlySet<string>;
      /** When to plan again although nothing else changes, in monotonic time. */
      readonly replanAtMs: number | null;
    }
  /** A pass over the kernel has ended, whatever it left. */
  | { readonly kind: "kernel passed" }
  | { readonly kind: "parts reported"; readonly parts: Parts<B> }
  /** The retained-backends file has these, or cannot be written. */
  | { readonly kind: "backends retained"; readonly backends: readonly B[] };
