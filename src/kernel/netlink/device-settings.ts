/**
 * IPv4 settings of one device by netlink (IFLA_INET_CONF, linux/if_link.h). They are those of
 * /proc/sys/net/ipv4/conf/DEVICE, and can be set with CAP_NET_ADMIN where that is mounted read-only, as in a container.
 * For IPv6 the kernel has no such request.
 */
import type { InterfaceIndex } from "../observed.ts";
import type { SysctlState } from "../state.ts";
import { AF } from "./family.ts";
import { BLANK_LINK, linkWriter } from "./link.ts";

const IFLA_AF_SPEC = 26;
const IFLA_INET_CONF = 1;

/** IPV4_DEVCONF_* (linux/ip.h), by their names below /proc/sys. */
const SETTINGS: Readonly<Record<string, number>> = { rp_filter: 8, accept_local: 23 };

export interface DeviceSetting {
  readonly device: string;
  readonly id: number;
  readonly value: number;
}

/** null for what netlink cannot set. */
export function deviceSetting({ path, value }: SysctlState): DeviceSetting | null {
  const [, device, name = ""] = /^net\/ipv4\/conf\/([^/]+)\/([^/]+)$/.exec(path) ?? [];
  const id = SETTINGS[name];
  return device === undefined || id === undefined ? null : { device, id, value: Number(value) };
}

/** The body of an RTM_NEWLINK that changes a device. */
export function encodeDeviceSetting({ id, value }: DeviceSetting, index: InterfaceIndex): Uint8Array {
  return linkWriter({ ...BLANK_LINK, index })
    .nest(IFLA_AF_SPEC, (families) =>
      families.nest(AF.inet, (inet) => inet.nest(IFLA_INET_CONF, (settings) => settings.u32(id, value))),
    )
    .finish();
}
