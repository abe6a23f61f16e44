import type { Ip } from "../net/index.ts";
import type {
  ObservedAddress,
  ObservedFdb,
  ObservedLink,
  ObservedNeighbour,
  ObservedRoute,
  ObservedRule,
  ObservedState,
} from "./observed.ts";
import type { Operation, Outcome } from "./operation.ts";

/**
 * The kernel of one network namespace. `LinuxKernel` speaks netlink; tests pass a fake.
 */
export interface Kernel {
  /** Everything there is, freshly dumped. */
  observe(): Promise<ObservedState>;

  /** The rules alone, as {@link observe} has them. */
  observeRules(): Promise<readonly ObservedRule[]>;

  /** Asks for next to nothing. @throws TweedError when the kernel does not answer */
  ping(): Promise<void>;

  /**
   * Carries the operations out in the order given, many to a system call, and returns the outcome of each;
   * a failed one does not stop those behind it. Deleting what is gone already counts as done.
   */
  apply(operations: readonly Operation[]): Promise<readonly Outcome[]>;

  /** The route that a packet to `ip` would take, or null when there is none. */
  routeTo(
    ip: Ip,
  ): Promise<{ readonly iface: string; readonly via: Ip | null; readonly source: Ip | null } | null>;

  /**
   * Calls back for every change, also for those that `apply` made, until the signal aborts; resolves once the
   * subscription stands, so that nothing that happens after is missed.
   */
  subscribe(onChange: (change: KernelChange) => void, signal: AbortSignal): Promise<void>;
}

export type KernelChange =
  | { readonly kind: "link"; readonly gone: boolean; readonly link: ObservedLink }
  | { readonly kind: "address"; readonly gone: boolean; readonly address: ObservedAddress }
  | { readonly kind: "fdb"; readonly gone: boolean; readonly entry: ObservedFdb }
  | { readonly kind: "neighbour"; readonly gone: boolean; readonly entry: ObservedNeighbour }
  | { readonly kind: "route"; readonly gone: boolean; readonly route: ObservedRoute }
  /** Of rules, or of what a table holds that is not the main one and that rules may lead to. */
  | { readonly kind: "rules"; readonly table: number | null }
  /** Notifications were lost (ENOBUFS): only a new `observe` shows the present state. */
  | { readonly kind: "overrun" };
