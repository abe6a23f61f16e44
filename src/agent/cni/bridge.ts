/**
 * The pod bridge, cni0. It belongs to the CNI plugins, which create it with the first pod and set its address. But
 * where it has the address of an earlier subnet they refuse every pod ("already has an IP address different from"),
 * which otherwise only an operator could fix. Pure.
 */
import type { ObservedAddress, ObservedLink, ObservedState } from "../../kernel/observed.ts";
import {
  containsIp,
  type DualPrefix,
  familyOf,
  nthAddress,
  overlaps,
  type Prefix,
  prefixLength,
  prefixOf,
} from "../../net/index.ts";

export const BRIDGE = "cni0";

export interface ObservedBridge {
  readonly link: ObservedLink;
  readonly addresses: readonly ObservedAddress[];
}

export interface BridgeContext {
  readonly subnets: DualPrefix;
  /** Of this cluster, present and former. */
  readonly networks: readonly Prefix[];
  /** Whether to report addresses outside these networks too: only where plugins use the bridge by our configuration. */
  readonly isOurConf: boolean;
}

export interface BridgeFindings {
  /** Addresses that can be removed: of an earlier subnet, without pods on the bridge. */
  readonly leftovers: readonly ObservedAddress[];
  /** Why pods cannot start, and the fix; null where they can. */
  readonly fault: string | null;
}

export function findBridge({
  links,
  addresses,
}: Pick<ObservedState, "links" | "addresses">): ObservedBridge | null {
  const link = links.find(({ name, kind }) => name === BRIDGE && kind === "bridge");
  if (link === undefined) return null;
  return { link, addresses: addresses.filter(({ iface, isLinkLocal }) => iface === BRIDGE && !isLinkLocal) };
}

export function inspectBridge({ link, addresses }: ObservedBridge, context: BridgeContext): BridgeFindings {
  const { networks, isOurConf } = context;
  const wrong = addresses.filter((address) => !isGateway(address, context.subnets));
  const isLeftover = ({ ip }: ObservedAddress) => networks.some((network) => containsIp(network, ip));
  // A bridge has a carrier exactly while one of its ports forwards (br_port_state_selection, net/bridge/br_stp.c).
  const hasPods = link.isUp && link.hasCarrier;
  const leftovers = hasPods ? [] : wrong.filter(isLeftover);
  const [conflicting] = wrong.filter(
    (address) =>
      !leftovers.includes(address) &&
      (isLeftover(address) || isOurConf) &&
      isConflicting(address, context.subnets),
  );
  return {
    leftovers,
    fault: conflicting === undefined ? null : describe(conflicting, isLeftover(conflicting)),
  };
}

/** The first address of a subnet is its gateway, the default of host-local. */
function isGateway({ ip, length }: ObservedAddress, subnets: DualPrefix): boolean {
  const subnet = subnets[familyOf(ip)];
  return subnet !== null && ip === nthAddress(subnet, 1) && length === prefixLength(subnet);
}

/** The plugin `bridge` rejects a second IPv4 address, and an IPv6 address whose prefix overlaps the subnet. */
function isConflicting({ ip, length }: ObservedAddress, subnets: DualPrefix): boolean {
  const family = familyOf(ip);
  const subnet = subnets[family];
  return subnet !== null && (family === "v4" || overlaps(prefixOf(ip, length), subnet));
}

function describe({ ip, length }: ObservedAddress, isLeftover: boolean): string {
  const prefix = `no new pod can start on this node, as ${BRIDGE} has the address ${ip}/${length}`;
  return isLeftover
    ? `${prefix} of an earlier subnet, whose pods still run: delete them (kubectl drain), and the daemon removes the address`
    : `${prefix} of no network of this cluster, expected the gateway of the node's subnet: remove it with "ip address delete ${ip}/${length} dev ${BRIDGE}"`;
}
