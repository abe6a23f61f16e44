/** One change to the kernel, as plain data: a diff produces it, a {@link Kernel} applies it. */

import type { Mac, Prefix } from "../net/index.ts";
import type { TweedError } from "../runtime/error.ts";
import type { LinkChange } from "./objects/kinds.ts";
import type { AddressState, FdbState, LinkState, NeighbourState, RouteState, SysctlState } from "./state.ts";

export type Operation =
  | { readonly op: "create-link"; readonly link: LinkState }
  /** Changes a device in place; absent fields are unchanged. */
  | {
      readonly op: "set-link";
      readonly name: string;
      readonly mtuBytes?: number;
      readonly mac?: Mac;
      readonly up?: boolean;
      /** Settings of its kind. */
      readonly settings?: LinkChange;
    }
  | { readonly op: "delete-link"; readonly name: string }
  | { readonly op: "write-sysctl"; readonly sysctl: SysctlState }
  | { readonly op: "add-address"; readonly address: AddressState }
  | { readonly op: "delete-address"; readonly address: AddressState }
  | { readonly op: "put-fdb"; readonly entry: FdbState }
  | { readonly op: "delete-fdb"; readonly entry: FdbState }
  | { readonly op: "put-neighbour"; readonly entry: NeighbourState }
  | { readonly op: "delete-neighbour"; readonly entry: NeighbourState }
  /** Creates or replaces: the kernel switches the prefix from the old path to the new one atomically. */
  | { readonly op: "put-route"; readonly route: RouteState }
  /** `metric` and `protocol` ensure that only the observed route is deleted. */
  | { readonly op: "delete-route"; readonly route: RouteState; readonly metric: number }
  | { readonly op: "put-blackhole"; readonly dst: Prefix }
  | { readonly op: "delete-blackhole"; readonly dst: Prefix };

/** Result of an operation: null on success, also when a delete found its object absent. */
export type Outcome = TweedError | null;
