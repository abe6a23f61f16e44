/** One change to the kernel, as plain data: what a diff produces and a {@link Kernel} carries out. */

import type { Mac, Prefix } from "../net/index.ts";
import type { TweedError } from "../runtime/error.ts";
import type { LinkChange } from "./objects/kinds.ts";
import type { AddressState, FdbState, LinkState, NeighbourState, RouteState, SysctlState } from "./state.ts";

export type Operation =
  | { readonly op: "create-link"; readonly link: LinkState }
  /** Changes in place; a field that is absent stays as it is. */
  | {
      readonly op: "set-link";
      readonly name: string;
      readonly mtuBytes?: number;
      readonly mac?: Mac;
      readonly up?: boolean;
      /** What is particular to its kind. */
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
  /** Creates or replaces: the kernel moves the prefix from the old path to the new one in one step. */
  | { readonly op: "put-route"; readonly route: RouteState }
  /** `metric` and `protocol` make sure that only the route that was seen is deleted. */
  | { readonly op: "delete-route"; readonly route: RouteState; readonly metric: number }
  | { readonly op: "put-blackhole"; readonly dst: Prefix }
  | { readonly op: "delete-blackhole"; readonly dst: Prefix };

/** What became of an operation: null when done, also when a delete found its object gone already. */
export type Outcome = TweedError | null;
