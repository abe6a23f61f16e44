/** The device by which each node of a lab sends to each other node's pods, from the kernels' routes. */
import { run } from "../runtime/program.ts";
import type { Lab } from "./lab.ts";

/** A userspace backend has one route for the whole network. */
const NETWORK = "10.244.0.0/16";

interface Route {
  readonly dst: string;
  readonly dev?: string;
  readonly nexthops?: readonly { readonly dev: string }[];
}

/** "node1 > node2" to "flannel.1"; "none" where there is no route. */
export type Carriers = Readonly<Record<string, string>>;

export async function readCarriers(lab: Lab): Promise<Carriers> {
  const subnets = await Promise.all(
    lab.nodes.map(async (node) => String((await lab.podIps(node)).v4).replace(/\.\d+$/, ".0/24")),
  );
  const rows = await Promise.all(
    lab.nodes.map(async (node) => {
      const text = await run("ip", ["-n", node.namespace, "-j", "-4", "route"]);
      const routes = JSON.parse(text) as readonly Route[];
      return lab.nodes.flatMap((peer, index) => {
        if (peer === node) return [];
        const device = deviceTo(subnets[index], routes) ?? deviceTo(NETWORK, routes) ?? "none";
        return [[`${node.name} > ${peer.name}`, device] as const];
      });
    }),
  );
  return Object.fromEntries(rows.flat());
}

/** Of several next hops the first carries nearly all flows. */
function deviceTo(subnet: string | undefined, routes: readonly Route[]): string | undefined {
  const route = routes.find(({ dst }) => dst === subnet);
  return route?.dev ?? route?.nexthops?.[0]?.dev;
}

/** Pairs whose two ends send by different devices. */
export function disagreements(carriers: Carriers): readonly string[] {
  return Object.entries(carriers).flatMap(([pair, device]) => {
    const back = carriers[pair.split(" > ").reverse().join(" > ")];
    return device === back ? [] : [`${pair} by ${device}, back by ${back}`];
  });
}
