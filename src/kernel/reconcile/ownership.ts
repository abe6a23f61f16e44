/**
 * Which objects are ours to change. Two daemons with different networks may share a host, and flannel may have run here
 * before, so a name alone does not prove ownership; an address inside one of our networks does. Each kind of object
 * defines which of its objects are ours (`removal`).
 */
import { containsIp, containsPrefix, type Ip, type Prefix } from "../../net/index.ts";
import { LINK_KINDS } from "../objects/kinds.ts";

export interface Ownership {
  /** The cluster's networks, including those of an earlier configuration's `subnet.env`. */
  readonly networks: readonly Prefix[];
  /** Names of our devices, also under earlier configurations. */
  readonly deviceName: RegExp;
}

const NAMES = Object.values(LINK_KINDS).map(({ names }) => names.source);

/** Every name that flannel and Tweed give to a device (compat 4). */
export const DEVICE_NAME = new RegExp(`^(?:${NAMES.join("|")})$`);

export function isOwnPrefix(ownership: Ownership, prefix: Prefix): boolean {
  return ownership.networks.some((network) => containsPrefix(network, prefix));
}

export function isOwnAddress(ownership: Ownership, ip: Ip): boolean {
  return ownership.networks.some((network) => containsIp(network, ip));
}
