/**
 * Addresses of a cluster. Underlay:
 *
 *     switch          br0    198.18.0.1/16   fd00:198:18::1/64      gateway of all others
 *     control plane   eth0   198.18.0.2      fd00:198:18::2
 *     node N          eth0   198.18.1.N      fd00:198:18::1:N
 *
 * 198.18.0.0/15 is reserved for tests of network devices (RFC 2544), so it overlaps no real network.
 */
import { type DualIp, FAMILIES, type Family, type Ip, parseIpv4, parseIpv6 } from "../../src/net/index.ts";
import type { Families } from "./options.ts";

export const UNDERLAY_LENGTH = { v4: 16, v6: 64 } as const;
export const CLUSTER_CIDR = { v4: "10.244.0.0/16", v6: "fd00:10:244::/48" } as const;
const SERVICE_CIDR = { v4: "10.96.0.0/16", v6: "fd00:10:96::/112" } as const;
/** The first address of each, which Kubernetes gives the service "kubernetes". */
const KUBERNETES_SERVICE = { v4: "10.96.0.1", v6: "fd00:10:96::1" } as const;
const DNS_SERVICE = { v4: "10.96.0.10", v6: "fd00:10:96::a" } as const;

/** IPv4 first: a cluster's first family is the one of the API server and of services without a choice. */
export function familiesOf(families: Families): Family[] {
  return FAMILIES.filter((family) => families === "dual" || families === family);
}

export function switchIps(families: Families): DualIp {
  return dualIp(families, "198.18.0.1", "fd00:198:18::1");
}

/** A machine on the underlay. */
export interface Host {
  /** Host name, name of the Node, and of the switch's port. */
  readonly name: string;
  readonly ips: DualIp;
  /** MAC of eth0, the same after each boot. */
  readonly mac: string;
}

export function controlPlaneHost(families: Families): Host {
  const ips = dualIp(families, "198.18.0.2", "fd00:198:18::2");
  return { name: "control-plane", ips, mac: "02:c6:12:00:00:02" };
}

/** @param number from 1 to 255 */
export function nodeHost(families: Families, number: number): Host {
  const hex = number.toString(16);
  const ips = dualIp(families, `198.18.1.${number}`, `fd00:198:18::1:${hex}`);
  return { name: `node${number}`, ips, mac: `02:c6:12:00:01:${hex.padStart(2, "0")}` };
}

export function clusterCidrs(families: Families): string[] {
  return familiesOf(families).map((family) => CLUSTER_CIDR[family]);
}

export function serviceCidrs(families: Families): string[] {
  return familiesOf(families).map((family) => SERVICE_CIDR[family]);
}

export function kubernetesServiceIps(families: Families): string[] {
  return familiesOf(families).map((family) => KUBERNETES_SERVICE[family]);
}

export function dnsServiceIp(families: Families): string {
  return DNS_SERVICE[families === "v6" ? "v6" : "v4"];
}

/** The addresses that are set, IPv4 first. */
export function ipsOf({ v4, v6 }: DualIp): Ip[] {
  return [v4, v6].filter((ip) => ip !== null);
}

/** The address in the cluster's first family. */
export function firstIp(ips: DualIp): Ip {
  const first = ipsOf(ips)[0];
  if (first === undefined) throw new Error("an address plan without a family");
  return first;
}

/** As the host part of a URL. */
export function urlHost(ip: Ip): string {
  return ip.includes(":") ? `[${ip}]` : ip;
}

function dualIp(families: Families, v4: string, v6: string): DualIp {
  const has = (family: Family) => familiesOf(families).includes(family);
  return { v4: has("v4") ? parseIpv4(v4) : null, v6: has("v6") ? parseIpv6(v6) : null };
}
