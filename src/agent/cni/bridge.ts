/**
 * The bridge that the CNI plugins make for pods, cni0. It is theirs and not ours: they make it with the first pod, and
 * give it its address. But where it has the address of an earlier subnet they refuse every pod ("already has an IP
 * address different from"), and nothing but a person would mend that. Pure.
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
  /** Of this cluster, now and before. */
  readonly networks: readonly Prefix[];
  /** Whether addresses outside of these networks are our business too: only where we have the plugins use the bridge. */
  readonly isOurConf: boolean;
}

export interface BridgeVerdict {
  /** Addresses that can go: of an earlier subnet, and no pod is there to miss them. */
  readonly leftovers: readonly ObservedAddress[];
  /** Why pods cannot start, and what to do; null where they can. */
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

export function judgeBridge({ link, addresses }: ObservedBridge, context: BridgeContext): BridgeVerdict {
  const { networks, isOurConf } = context;
  const wrong = addresses.filter((address) => !isGateway(address, context.subnets));
  const isLeftover = ({ ip }: ObservedAddress) => networks.some((network) => containsIp(network, ip));
  // A bridge has a carrier exactly while one of its ports forwards (br_port_state_selection, net/bridge/br_stp.c).
  const hasPods = link.isUp && link.hasCarrier;
  const leftovers = hasPods ? [] : wrong.filter(isLeftover);
  const [obstacle] = wrong.filter(
    (address) =>
      !leftovers.includes(address) &&
      (isLeftover(address) || isOurConf) &&
      isObstacle(address, context.subnets),
  );
  return { leftovers, fault: obstacle === undefined ? null : describe(obstacle, isLeftover(obstacle)) };
}

/** The first address of a subnet is its gateway, as host-local has it by default. */
function isGateway({ ip, length }: ObservedAddress, subnets: DualPrefix): boolean {
  const subnet = subnets[familyOf(ip)];
  return subnet !== null && ip === nthAddress(subnet, 1) && length === prefixLength(subnet);
}

/** The plugin `bridge` suffers no second IPv4 address, and no IPv6 address whose prefix overlaps the subnet. */
function isObstacle({ ip, length }: ObservedAddress, subnets: DualPrefix): boolean {
  const family = familyOf(ip);
  const subnet = subnets[family];
  return subnet !== null && (family === "v4" || overlaps(prefixOf(ip, length), subnet));
}

function describe({ ip, length }: ObservedAddress, isLeftover: boolean): string {
  const has = `${BRIDGE} has the address ${ip}/${length}, with which no new pod can start on this node`;
  return isLeftover
    ? `${has}: it is of an earlier subnet, and pods of that time are still there; delete them (kubectl drain), and the address goes by itself`
    : `${has}: it is none of this network, expected the gateway of the node's subnet; remove it: ip address delete ${ip}/${length} dev ${BRIDGE}`;
}
