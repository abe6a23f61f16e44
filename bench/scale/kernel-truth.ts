/** Compares the kernel of the daemon's namespace with what the other nodes publish, through iproute2. */
import { prefixAddress } from "../../src/net/index.ts";
import { run } from "../../src/runtime/program.ts";
import { peerMac } from "../control/peers.ts";
import { addressOf, leaseOf, type SyntheticNode } from "./synthetic-nodes.ts";

const VXLAN = "flannel.1";
/** The underlay, for host-gw. */
const UNDERLAY = "eth0";

/** Objects as text, one each. */
type KernelObjects = ReadonlySet<string>;

/** @returns one of the differences as text, or null when the kernel is right */
export async function differenceFromTruth(
  namespace: string,
  nodes: readonly SyntheticNode[],
): Promise<string | null> {
  const have = await readKernel(namespace);
  const want = new Set(nodes.flatMap(objectsOf));
  const missing = [...want].filter((object) => !have.has(object));
  const surplus = [...have].filter((object) => !want.has(object));
  if (missing.length + surplus.length === 0) return null;
  return `${missing.length} missing, ${surplus.length} surplus: ${missing[0] ?? surplus[0]}`;
}

/** A node that offers both is reached by the preferred one, and its tunnel end stays ready. */
function objectsOf(node: SyntheticNode): readonly string[] {
  if (!node.isPresent) return [];
  const { v4: subnet } = leaseOf(node).subnets;
  if (subnet === null) return [];
  const gateway = prefixAddress(subnet);
  const remote = addressOf(node);
  const mac = peerMac(node.index, node.mac);
  const tunnelEnd = [`neighbour ${gateway} ${mac}`, `fdb ${mac} ${remote}`];
  switch (node.offered) {
    case "vxlan":
      return [`route ${subnet} via ${gateway} dev ${VXLAN}`, ...tunnelEnd];
    case "host-gw and vxlan":
      return [`route ${subnet} via ${remote} dev ${UNDERLAY}`, ...tunnelEnd];
    case "host-gw":
      return [`route ${subnet} via ${remote} dev ${UNDERLAY}`];
  }
}

interface Row {
  readonly dev?: string;
  readonly ifname?: string;
  readonly dst?: string;
  readonly gateway?: string;
  readonly lladdr?: string;
  readonly mac?: string;
}

async function readKernel(namespace: string): Promise<KernelObjects> {
  const read = async (program: string, ...words: readonly string[]) => {
    const text = await run(program, ["-n", namespace, "-j", ...words]);
    return (text.trim() === "" ? [] : JSON.parse(text)) as readonly Row[];
  };
  const routes = await read("ip", "-4", "route", "show");
  const neighbours = await read("ip", "-4", "neigh", "show", "nud", "permanent");
  const fdb = await read("bridge", "fdb", "show");
  return new Set([
    ...routes
      .filter(({ dst, gateway }) => dst !== "default" && gateway !== undefined)
      .map(({ dst, gateway, dev }) => `route ${dst} via ${gateway} dev ${dev}`),
    ...neighbours.filter(({ dev }) => dev === VXLAN).map(({ dst, lladdr }) => `neighbour ${dst} ${lladdr}`),
    ...fdb
      .filter(({ ifname, dst }) => ifname === VXLAN && dst !== undefined)
      .map(({ mac, dst }) => `fdb ${mac} ${dst}`),
  ]);
}
