/**
 * What a lab looks like, as plain data. Each node is a network namespace whose eth0 hangs on one switch; each has
 * one pod, a namespace behind the node's bridge cni0. Where the daemon writes a CNI configuration its plugins make bridge
 * and pod, elsewhere the lab makes them from the subnet file:
 *
 *     tw-NAME-net    br0 ──┬────────────┬────────────┐        198.18.0.1/16, fd00:198:18::1/64 on br0
 *     tw-NAME-n1          eth0          │            │        198.18.1.1/16, fd00:198:18::1:1/64
 *                         cni0 ── eth0 of tw-NAME-p1 │        first addresses of the node's subnet
 *     tw-NAME-n2                       eth0          │        198.18.1.2/16, …
 *     tw-NAME-n3                                    eth0
 *
 * 198.18.0.0/15 is reserved for tests of network devices (RFC 2544), so it overlaps no real network.
 */
import { type DualIp, type Ip, parseIpv4, parseIpv6 } from "../net/index.ts";
import { TweedError } from "../runtime/error.ts";
import type { JsonObject } from "../runtime/json.ts";

export type LabFamilies = "v4" | "v6" | "dual";

export interface LabSpec {
  /** Distinguishes labs that run at the same time; it is part of every namespace's name. */
  readonly name: string;
  readonly nodes: number;
  /** The `Backend` object of the network configuration. */
  readonly backend: JsonObject;
  readonly store: "file" | "etcd" | "kubernetes";
  readonly families: LabFamilies;
  /** IPv4 network of the pods, as keys of the network configuration; {@link LAB_NETWORK} without it. */
  readonly networkV4?: JsonObject;
  /** First half of the hosts' IPv4 addresses; "198.18" without it. Only with the store "file". */
  readonly hostsV4?: string;
  /** How long daemons may take to be ready, and then the mesh to be complete; a minute without it. */
  readonly readyTimeoutMs?: number;
}

export interface LabNode {
  readonly name: string;
  readonly namespace: string;
  readonly podName: string;
  readonly podNamespace: string;
  /** Addresses of eth0; the host part is the node's number. */
  readonly underlay: DualIp;
  /** Contains the daemon's files, its log, and the results of its pods. */
  readonly directory: string;
}

export const LAB_NETWORK = { v4: "10.244.0.0/16", v6: "fd00:10:244::/48" } as const;
export const UNDERLAY_LENGTH = { v4: 16, v6: 64 } as const;
export const SWITCH_IP = { v4: parseIpv4("198.18.0.1"), v6: parseIpv6("fd00:198:18::1") } satisfies DualIp;

const MAX_NODES = 200;

/** @throws TweedError `usage` */
export function checkLabSpec(spec: LabSpec): void {
  checkLabName(spec.name);
  if (!Number.isInteger(spec.nodes) || spec.nodes < 1 || spec.nodes > MAX_NODES) {
    refuse("--nodes", String(spec.nodes), `a whole number from 1 to ${MAX_NODES}`);
  }
}

/**
 * Checked because all that a lab creates and removes has its name from the two functions below: "../../x" is refused.
 * @throws TweedError `usage`
 */
export function checkLabName(name: string): void {
  if (!/^[a-z0-9]{1,8}$/.test(name)) refuse("--name", name, "1 to 8 lower-case letters and digits");
}

/** @throws TweedError `usage` for an invalid lab name */
export function namespacePrefix(labName: string): string {
  checkLabName(labName);
  return `tw-${labName}-`;
}

export function switchNamespace(labName: string): string {
  return `${namespacePrefix(labName)}net`;
}

/** @throws TweedError `usage` for an invalid lab name */
export function labDirectory(labName: string): string {
  checkLabName(labName);
  return `/run/tweed/lab/${labName}`;
}

/** The switch's own addresses, which are the nodes' gateways. */
export function switchIp({ hostsV4 }: Pick<LabSpec, "hostsV4">): DualIp {
  return { ...SWITCH_IP, v4: hostsV4 === undefined ? SWITCH_IP.v4 : parseIpv4(`${hostsV4}.0.1`) };
}

export function labNode(spec: Pick<LabSpec, "name" | "families" | "hostsV4">, number: number): LabNode {
  const prefix = namespacePrefix(spec.name);
  return {
    name: `node${number}`,
    namespace: `${prefix}n${number}`,
    podName: `pod${number}`,
    podNamespace: `${prefix}p${number}`,
    underlay: {
      v4: spec.families === "v6" ? null : parseIpv4(`${spec.hostsV4 ?? "198.18"}.1.${number}`),
      v6: spec.families === "v4" ? null : parseIpv6(`fd00:198:18::1:${number.toString(16)}`),
    },
    directory: `${labDirectory(spec.name)}/node${number}`,
  };
}

export function labNodes(spec: LabSpec): LabNode[] {
  return Array.from({ length: spec.nodes }, (_, index) => labNode(spec, index + 1));
}

/** The nodes' address for a store that is a program: the switch's own, so that a node without a cable has no store. */
export function storeIp({ families }: Pick<LabSpec, "families">): Ip {
  return families === "v6" ? SWITCH_IP.v6 : SWITCH_IP.v4;
}

/** The subnets that Kubernetes gives a node. */
export function podCidrs({ families }: Pick<LabSpec, "families">, number: number): string[] {
  const v4 = `10.244.${number}.0/24`;
  const v6 = `fd00:10:244:${number.toString(16)}::/64`;
  return families === "dual" ? [v4, v6] : families === "v4" ? [v4] : [v6];
}

/** The network configuration in the store of the lab's daemons. */
export function labNetworkConfig(spec: Pick<LabSpec, "families" | "backend" | "networkV4">): JsonObject {
  const { families, backend, networkV4 = { Network: LAB_NETWORK.v4 } } = spec;
  return {
    ...(families === "v6" ? { EnableIPv4: false } : networkV4),
    ...(families === "v4" ? {} : { EnableIPv6: true, IPv6Network: LAB_NETWORK.v6 }),
    Backend: backend,
  };
}

function refuse(flag: string, value: string, accepted: string): never {
  throw new TweedError({
    code: "usage",
    operation: "read the lab's options",
    reason: `${flag} is ${JSON.stringify(value)}, expected ${accepted}`,
  });
}
