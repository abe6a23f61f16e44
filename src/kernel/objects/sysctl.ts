/**
 * Kernel parameters below /proc/sys. IPv4 settings of one device can be set by netlink too (IFLA_INET_CONF,
 * linux/if_link.h), with CAP_NET_ADMIN, where /proc/sys is mounted read-only, as in a container. For IPv6 the kernel has no
 * such request.
 */
import { TweedError } from "../../runtime/error.ts";
import { AF } from "../netlink/family.ts";
import { BLANK_LINK, linkWriter, RTM_LINK } from "../netlink/link.ts";
import { creation, MODE } from "../netlink/request.ts";
import type { InterfaceIndex } from "../observed.ts";
import type { Operation } from "../operation.ts";
import type { SysctlState } from "../state.ts";
import { missingDevice } from "./link.ts";
import type { ObjectKind } from "./object-kind.ts";

type SysctlOperation = Extract<Operation, { op: "write-sysctl" }>;

/** The cache has the values that this process wrote, by path, since dumps do not include them. */
export const sysctlKind: ObjectKind<SysctlState, string, SysctlOperation> = {
  operations: ["write-sysctl"],
  keyOf: ({ path }) => path,
  desiredIn: ({ sysctls }) => sysctls,
  observedIn: ({ sysctls }) => sysctls,
  matches: ({ value }, written) => written === value,
  // A device's parameters exist only while it does: /proc/sys/net/ipv6/conf/DEVICE/….
  waitsFor: (comparison, { path }) => {
    const device = path.split("/").find((segment) => comparison.desired.links.has(segment));
    return device === undefined ? null : missingDevice(comparison, device);
  },
  put: (sysctl) => ({ op: "write-sysctl", sysctl }),
  removal: () => () => null,
  deviceOf: ({ sysctl }) => deviceSetting(sysctl)?.device ?? null,
  otherDeviceOf: () => null,
  encode: (operation, index) => {
    const setting = deviceSetting(operation.sysctl);
    if (setting === null) throw new TweedError({ ...NO_REQUEST, operation: describe(operation) });
    return creation(describe(operation), RTM_LINK.new, encodeSetting(setting, index), MODE.change);
  },
  describe,
  acknowledge: (cache, { sysctl }) => {
    cache.sysctls.set(sysctl.path, sysctl.value);
  },
  notifiedKey: () => null,
};

const IFLA_AF_SPEC = 26;
const IFLA_INET_CONF = 1;
/** IPV4_DEVCONF_* (linux/ip.h), by their names below /proc/sys. */
const SETTINGS: Readonly<Record<string, number>> = { rp_filter: 8, accept_local: 23 };
const NO_REQUEST = { code: "sysctl-invalid", reason: "netlink cannot set it" } as const;

interface DeviceSetting {
  readonly device: string;
  readonly id: number;
  readonly value: number;
}

/** null for a parameter that netlink cannot set. */
function deviceSetting({ path, value }: SysctlState): DeviceSetting | null {
  const [, device, name = ""] = /^net\/ipv4\/conf\/([^/]+)\/([^/]+)$/.exec(path) ?? [];
  const id = SETTINGS[name];
  return device === undefined || id === undefined ? null : { device, id, value: Number(value) };
}

/** The body of an RTM_NEWLINK that changes a device. */
function encodeSetting({ id, value }: DeviceSetting, index: InterfaceIndex): Uint8Array {
  return linkWriter({ ...BLANK_LINK, index })
    .nest(IFLA_AF_SPEC, (families) =>
      families.nest(AF.inet, (inet) => inet.nest(IFLA_INET_CONF, (settings) => settings.u32(id, value))),
    )
    .finish();
}

function describe({ sysctl: { path, value } }: SysctlOperation): string {
  return `write sysctl ${path} = ${value}`;
}
