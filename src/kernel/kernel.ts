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
  /** A new full dump. */
  observe(): Promise<ObservedState>;

  /** Only the rules of {@link observe}. */
  observeRules(): Promise<readonly ObservedRule[]>;

  /** Sends a minimal request. @throws TweedError when the kernel does not answer */
  ping(): Promise<void>;

  /**
   * Applies the operations in order, many in each system call, and returns the outcome of each. A failed one does not
   * stop those after it. To delete an absent object counts as done.
   */
  apply(operations: readonly Operation[]): Promise<readonly Outcome[]>;

  /** The route that a packet to `ip` would take, or null when there is none. */
  routeTo(
    ip: Ip,
  ): Promise<{ readonly iface: string; readonly via: Ip | null; readonly source: Ip | null } | null>;

  /**
   * Calls back for every change, including those by `apply`, until the signal aborts. Resolves once it is subscribed:
   * no change after that is missed.
   */
  subscribe(onChange: (change: KernelChange) => void, signal: AbortSignal): Promise<void>;
}

export type KernelChange =
  | { readonly kind: "link"; readonly gone: boolean; readonly link: ObservedLink }
  | { readonly kind: "address"; readonly gone: boolean; readonly address: ObservedAddress }
  | { readonly kind: "fdb"; readonly gone: boolean; readonly entry: ObservedFdb }
  | { readonly kind: "neighbour"; readonly gone: boolean; readonly entry: ObservedNeighbour }
  | { readonly kind: "route"; readonly gone: boolean; readonly route: ObservedRoute }
  /** Rules changed, or routes of a table other than the main one, which rules may refer to. */
  | { readonly kind: "rules"; readonly table: number | null }
  /** Notifications were lost (ENOBUFS): only a new `observe` shows the current state. */
  | { readonly kind: "overrun" };
