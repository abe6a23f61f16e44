/** Damage that another program may do to a node's kernel state, and the path that it hits. */
import type { Kernel } from "../kernel/kernel.ts";
import { ROUTE_PROTOCOL } from "../kernel/state.ts";
import { type Family, familyOf, prefixFamily, prefixLength } from "../net/index.ts";
import { run } from "../runtime/program.ts";
import type { LabNode } from "./topology.ts";

/** A path of the damaged node to one of its peers, in one family. */
export interface Path {
  /** `ip`'s flag of the family. */
  readonly flag: "-4" | "-6";
  readonly family: Family;
  readonly device: string;
  readonly address: string;
  readonly dst: string;
  readonly via: string;
  /** VXLAN only; "" otherwise. */
  readonly mac: string;
  readonly remote: string;
}

export interface Damage {
  readonly title: string;
  readonly program: "ip" | "bridge";
  /** Lines for the program's batch mode. */
  readonly lines: (path: Path) => readonly string[];
}

export const VXLAN_DAMAGES: readonly Damage[] = [
  { title: "one route deleted", program: "ip", lines: ({ dst }) => [`route delete ${dst}`] },
  {
    title: "all routes deleted",
    program: "ip",
    lines: ({ device }) => [`route flush dev ${device} proto boot`],
  },
  {
    title: "a route turned into a blackhole",
    program: "ip",
    lines: ({ dst }) => [`route delete ${dst}`, `route add blackhole ${dst}`],
  },
  {
    title: "an FDB entry deleted",
    program: "bridge",
    lines: ({ device, mac, remote }) => [`fdb delete ${mac} dev ${device} dst ${remote}`],
  },
  {
    title: "an FDB entry sent elsewhere",
    program: "bridge",
    lines: ({ device, mac, family }) => [
      `fdb replace ${mac} dev ${device} dst ${family === "v4" ? "198.18.9.9" : "fd00:198:18::9"} self permanent`,
    ],
  },
  {
    title: "a neighbour deleted",
    program: "ip",
    lines: ({ device, via }) => [`neighbour delete ${via} dev ${device}`],
  },
  {
    title: "a neighbour with another MAC",
    program: "ip",
    lines: ({ device, via }) => [
      `neighbour replace ${via} lladdr 02:00:00:00:00:99 dev ${device} nud permanent`,
    ],
  },
  {
    title: "the address deleted",
    program: "ip",
    lines: ({ device, address }) => [`address delete ${address} dev ${device}`],
  },
  { title: "the device deleted", program: "ip", lines: ({ device }) => [`link delete ${device}`] },
  { title: "the device set down", program: "ip", lines: ({ device }) => [`link set ${device} down`] },
  { title: "its MTU changed", program: "ip", lines: ({ device }) => [`link set ${device} mtu 1300`] },
  {
    title: "its MAC changed",
    program: "ip",
    lines: ({ device }) => [`link set ${device} address 02:00:00:00:00:77`],
  },
  {
    title: "its learning switched on",
    program: "ip",
    lines: ({ device }) => [`link set ${device} type vxlan learning`],
  },
];

export const HOST_GW_DAMAGES: readonly Damage[] = [
  { title: "one route deleted", program: "ip", lines: ({ dst }) => [`route delete ${dst}`] },
  {
    title: "all routes deleted",
    program: "ip",
    lines: ({ device }) => [`route flush dev ${device} proto 116`],
  },
  {
    title: "a route through another gateway",
    program: "ip",
    lines: ({ dst, device, family }) => [
      `route replace ${dst} via ${family === "v4" ? "198.18.0.1" : "fd00:198:18::1"} dev ${device} proto 116`,
    ],
  },
  {
    title: "a route replaced by somebody else's",
    program: "ip",
    lines: ({ dst, device, family }) => [
      `route replace ${dst} via ${family === "v4" ? "198.18.0.1" : "fd00:198:18::1"} dev ${device} proto static`,
    ],
  },
];

/** The node's first path to a peer, tunnelled or direct. */
export async function pathOf(kernel: Kernel, backend: string, family: Family): Promise<Path> {
  const { addresses, routes, neighbours, fdb } = await kernel.observe();
  const protocol = backend === "vxlan" ? ROUTE_PROTOCOL.boot : ROUTE_PROTOCOL.tweed;
  const route = routes.find(
    ({ dst, via, protocol: writer }) =>
      // A blackhole has the same protocol, but no gateway.
      writer === protocol && via !== null && prefixLength(dst) > 0 && prefixFamily(dst) === family,
  );
  if (route === undefined || route.iface === null || route.via === null)
    throw new Error(`no ${family} route to a peer`);
  const { iface: device, dst, via } = route;
  const own = addresses.find(
    ({ iface, ip, isLinkLocal }) => iface === device && familyOf(ip) === family && !isLinkLocal,
  );
  const mac = neighbours.find((entry) => entry.iface === device && entry.ip === via)?.mac ?? "";
  const remote = fdb.find((entry) => entry.iface === device && entry.mac === mac)?.remote ?? "";
  if (backend === "vxlan" && (mac === "" || remote === "")) throw new Error(`no tunnel to ${dst}`);
  const flag = family === "v4" ? "-4" : "-6";
  return { flag, family, device, address: `${own?.ip}/${own?.length}`, dst, via, mac, remote };
}

/** Exit code 0 shows that the kernel applied it: there was something to damage. */
export async function inflict(node: LabNode, { program, lines }: Damage, path: Path): Promise<void> {
  const flags = program === "ip" ? [path.flag] : [];
  const input = `${lines(path).join("\n")}\n`;
  await run(program, [...flags, "-n", node.namespace, "-batch", "-"], { input });
}
