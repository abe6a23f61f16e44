/**
 * Host-wide kernel parameters on which traffic of pods depends. They belong to the operator, so they are only reported;
 * parameters of our own devices are part of the kernel state, and are set.
 */
import { FAMILIES, type Family } from "../../net/index.ts";

export interface SysctlContext {
  readonly families: readonly Family[];
  /** Interfaces on which packets of one peer may arrive, including tunnels and the underlay. */
  readonly peerInterfaces: readonly string[];
  /** The program that writes the rules; kube-proxy usually uses the same one. */
  readonly writer: "nftables" | "iptables" | null;
}

/** The value of a parameter by its path below /proc/sys; null where the parameter does not exist. */
export type ReadSysctl = (path: string) => string | null;

const FORWARDING: Readonly<Record<Family, { readonly path: string; readonly name: string }>> = {
  v4: { path: "net/ipv4/ip_forward", name: "net.ipv4.ip_forward" },
  v6: { path: "net/ipv6/conf/all/forwarding", name: "net.ipv6.conf.all.forwarding" },
};

const BRIDGE: Readonly<Record<Family, string>> = {
  v4: "bridge-nf-call-iptables",
  v6: "bridge-nf-call-ip6tables",
};

/** Value of rp_filter (ip-sysctl.rst); the kernel uses the greater of a device's value and that of "all". */
const STRICT = 1;

/** A sentence for each wrong parameter, with the fix. */
export function adviseSysctls(context: SysctlContext, read: ReadSysctl): readonly string[] {
  return [
    ...forwardingWarnings(context, read),
    ...bridgeWarnings(context, read),
    ...reversePathWarnings(context, read),
  ];
}

function forwardingWarnings({ families }: SysctlContext, read: ReadSysctl): string[] {
  return families.flatMap((family) => {
    const { path, name } = FORWARDING[family];
    if (read(path) !== "0") return [];
    return [`${name} is 0, so this host forwards nothing for its pods: set it with "sysctl -w ${name}=1"`];
  });
}

/** kube-proxy's rules for services see packets between pods of one bridge only with br_netfilter. */
function bridgeWarnings({ families, writer }: SysctlContext, read: ReadSysctl): string[] {
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
 * Where peers have two paths to this node, their packets may arrive on one interface while ours leave on the other,
 * which the strict check drops. The packet filter already checks which sender may use which source.
 */
function reversePathWarnings({ families, peerInterfaces }: SysctlContext, read: ReadSysctl): string[] {
  if (!families.includes("v4") || peerInterfaces.length < 2) return [];
  return peerInterfaces.flatMap((iface) => {
    if (!isReversePathStrict(iface, read)) return [];
    const path = reversePathFilter(iface);
    return [
      `${iface} checks the reverse path strictly, so packets of peers that come another way than they are ` +
        `answered are lost: loosen it with "sysctl -w ${path}=2"`,
    ];
  });
}

export function isReversePathStrict(iface: string, read: ReadSysctl): boolean {
  const [own, all] = [iface, "all"].map((each) => Number(read(reversePathFilter(each)) ?? 0));
  return Math.max(own ?? 0, all ?? 0) === STRICT;
}

function reversePathFilter(iface: string): string {
  return `net/ipv4/conf/${iface}/rp_filter`;
}
