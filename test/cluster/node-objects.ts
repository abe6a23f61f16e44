/** The state of a starting cluster, from its Node objects. */
import { parseCidr } from "../../src/net/index.ts";
import { familiesOf } from "./address-plan.ts";
import type { Families } from "./options.ts";

/** The fields of a list of Nodes that are read. */
export interface NodeList {
  readonly items: readonly {
    readonly metadata: { readonly name: string };
    readonly spec: { readonly podCIDRs?: readonly string[] };
    readonly status: {
      readonly addresses?: readonly { readonly type: string; readonly address: string }[];
    };
  }[];
}

/** The first incomplete node, and what it lacks; null when all are registered and have their podCIDRs. */
export function missingOf(
  list: NodeList,
  nodes: readonly { readonly name: string }[],
  families: Families,
): string | null {
  for (const { name } of nodes) {
    const found = list.items.find(({ metadata }) => metadata.name === name);
    if (found === undefined) return `${name} is not registered`;
    const { podCIDRs = [] } = found.spec;
    if (podCIDRs.length < familiesOf(families).length)
      return `${name} has the podCIDRs [${podCIDRs.join(", ")}]`;
  }
  return null;
}

/** Lines of `ip -batch` for routes to the pods via their nodes. */
export function podRoutes(list: NodeList): string[] {
  return list.items.flatMap(({ spec: { podCIDRs = [] }, status: { addresses = [] } }) =>
    podCIDRs.flatMap((cidr) => {
      const isV6 = parseCidr(cidr).ip.includes(":");
      const gateway = addresses.find(
        ({ type, address }) => type === "InternalIP" && address.includes(":") === isV6,
      );
      return gateway === undefined ? [] : [`route replace ${cidr} via ${gateway.address}`];
    }),
  );
}
