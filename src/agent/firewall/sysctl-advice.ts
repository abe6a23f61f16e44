/**
 * Kernel parameters of the whole host that decide whether packets of pods pass. They are the operator's, so they are
 * only reported; those of our own devices are part of the kernel state and are set.
 */
import { FAMILIES, type Family } from "../../net/index.ts";

export interface SysctlSituation {
  readonly families: readonly Family[];
  /** Interfaces on which packets of one peer may arrive, the tunnels and the underlay among them. */
  readonly peerInterfaces: readonly string[];
  /** Which program writes the rules; kube-proxy usually uses the same. */
  readonly writer: "nftables" | "iptables" | null;
}

/** The value of a parameter by its path below /proc/sys, or null where there is no such parameter. */
export type ReadSysctl = (path: string) => string | null;

const FORWARDING: Readonly<Record<Family, { readonly path: string; readonly name: string }>> = {
  v4: { path: "net/ipv4/ip_forward", name: "net.ipv4.ip_forward" },
  v6: { path: "net/ipv6/conf/all/forwarding", name: "net.ipv6.conf.all.forwarding" },
};

const BRIDGE: Readonly<Record<Family, string>> = {
  v4: "bridge-nf-call-iptables",
  v6: "bridge-nf-call-ip6tables",
};

/** Of rp_filter (ip-sysctl.rst); the kernel takes the greater of a device's value and that of "all". */
const STRICT = 1;

/** What is wrong with the host and what to do about it, one sentence each. */
export function adviseSysctls(situation: SysctlSituation, read: ReadSysctl): readonly string[] {
  return [
    ...forwardingWarnings(situation, read),
    ...bridgeWarnings(situation, read),
    ...reversePathWarnings(situation, read),
  ];
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
 * Where peers have two ways to this node, their packets may come on one interface while ours go on the other, which
 * the strict check drops. Which sender may use which source is the packet filter's to say.
 */
function reversePathWarnings({ families, peerInterfaces }: SysctlSituation, read: ReadSysctl): string[] {
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
