/**
 * Kernel parameters that decide whether pods' packets get through. Those of our own devices are set; those of
 * the whole host are the operator's, and are only spoken of.
 */
import { FAMILIES, type Family } from "../../net/index.ts";
import type { SysctlState } from "../state.ts";

export interface SysctlSituation {
  readonly families: readonly Family[];
  /** Our own. */
  readonly devices: readonly string[];
  /** Who keeps the rules; kube-proxy usually does it the same way. */
  readonly writer: "nftables" | "iptables" | null;
}

/** The value of a parameter by its path below /proc/sys, or null where there is no such parameter. */
export type ReadSysctl = (path: string) => string | null;

export interface SysctlAdvice {
  readonly settings: readonly SysctlState[];
  /** What is wrong with the host and what to do about it. */
  readonly warnings: readonly string[];
}

const FORWARDING: Readonly<Record<Family, { readonly path: string; readonly name: string }>> = {
  v4: { path: "net/ipv4/ip_forward", name: "net.ipv4.ip_forward" },
  v6: { path: "net/ipv6/conf/all/forwarding", name: "net.ipv6.conf.all.forwarding" },
};

const BRIDGE: Readonly<Record<Family, string>> = {
  v4: "bridge-nf-call-iptables",
  v6: "bridge-nf-call-ip6tables",
};

/** Values of rp_filter (ip-sysctl.rst); the kernel takes the greater of a device's and of "all". */
const STRICT = "1";
const LOOSE = "2";

export function adviseSysctls(situation: SysctlSituation, read: ReadSysctl): SysctlAdvice {
  return {
    settings: reversePathSettings(situation, read),
    warnings: [...forwardingWarnings(situation, read), ...bridgeWarnings(situation, read)],
  };
}

function forwardingWarnings({ families }: SysctlSituation, read: ReadSysctl): string[] {
  return families.flatMap((family) => {
    const { path, name } = FORWARDING[family];
    if (read(path) !== "0") return [];
    return [`${name} is 0, so this host forwards nothing for its pods: set it with "sysctl -w ${name}=1"`];
  });
}

/** kube-proxy's rules for services see packets between pods of one bridge only with br_netfilter. */
function bridgeWarnings({ families, writer }: SysctlSituation, read: ReadSysctl): string[] {
  if (writer !== "iptables") return [];
  const values = new Map(FAMILIES.map((family) => [family, read(`net/bridge/${BRIDGE[family]}`)]));
  const wanted = families.filter((family) => values.get(family) !== "1");
  if (wanted.length === 0) return [];
  if (wanted.every((family) => values.get(family) === null)) {
    return [
      "the kernel module br_netfilter is not loaded: with kube-proxy in iptables or ipvs mode a pod cannot reach " +
        'a service whose backend is on the same bridge; load it with "modprobe br_netfilter"',
    ];
  }
  return wanted.map((family) => {
    const name = `net.bridge.${BRIDGE[family]}`;
    return `${name} is not 1, so services on the same bridge do not work: set it with "sysctl -w ${name}=1"`;
  });
}

/**
 * While peers change from one backend to another their packets come on one device and go on another, which the
 * strict check drops. Which sender may use which source is the packet filter's to say.
 */
function reversePathSettings({ families, devices }: SysctlSituation, read: ReadSysctl): SysctlState[] {
  if (!families.includes("v4")) return [];
  const all = read("net/ipv4/conf/all/rp_filter") ?? "0";
  return devices.flatMap((device) => {
    const path = `net/ipv4/conf/${device}/rp_filter`;
    const own = read(path);
    if (own === null) return [];
    const effective = Math.max(Number(all), Number(own));
    return effective === Number(STRICT) ? [{ path, value: LOOSE }] : [];
  });
}
