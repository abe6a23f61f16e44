import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import {
  type Cidr,
  type DualIp,
  type DualStack,
  FAMILIES,
  ipBits,
  ipFromBits,
  isIpv4,
  isIpv6,
  parseCidr,
} from "../net/index.ts";
import { TweedError } from "../runtime/error.ts";
import { addToNetwork, readResult } from "./cni-runtime.ts";
import { cniConfFile, subnetFile } from "./daemon.ts";
import { createNamespace, ipBatch } from "./namespaces.ts";
import type { LabNode } from "./topology.ts";

export interface PodNetwork {
  /** Address and prefix length of the bridge, from subnet.env. */
  readonly bridge: DualStack<Cidr>;
  readonly podIps: DualIp;
  readonly mtuBytes: number;
}

/** Addresses of the node's pod. */
export async function readPodIps(node: LabNode): Promise<DualIp> {
  const result = await readResult(node, { name: node.podName });
  if (result === null) return (await readPodNetwork(node)).podIps;
  const ips = result.ips.map(({ address }) => parseCidr(address).ip);
  return { v4: ips.find(isIpv4) ?? null, v6: ips.find(isIpv6) ?? null };
}

/**
 * Creates the node's pod from the daemon's files: with the plugins of its CNI configuration, or from the subnet file.
 */
export async function attachPod(node: LabNode): Promise<void> {
  await createNamespace(node.podNamespace);
  if (existsSync(cniConfFile(node))) {
    await addToNetwork(node, { name: node.podName, namespace: node.podNamespace });
  } else await attachBySubnetFile(node);
}

/**
 * Network settings of the node's pods, read from subnet.env as flannel's CNI plugin does. @throws ENOENT before it is
 * written
 */
export async function readPodNetwork(node: LabNode): Promise<PodNetwork> {
  const variables = new Map(
    (await readFile(subnetFile(node), "utf8"))
      .split("\n")
      .map((line) => [line.slice(0, line.indexOf("=")), line.slice(line.indexOf("=") + 1)] as const),
  );
  const v4 = variables.get("FLANNEL_SUBNET");
  const v6 = variables.get("FLANNEL_IPV6_SUBNET");
  const bridge = { v4: v4 === undefined ? null : parseCidr(v4), v6: v6 === undefined ? null : parseCidr(v6) };
  return {
    bridge,
    // The second address of the subnet: the first is the bridge's.
    podIps: {
      v4: bridge.v4 === null ? null : (ipFromBits("v4", ipBits(bridge.v4.ip) + 1n) as DualIp["v4"]),
      v6: bridge.v6 === null ? null : (ipFromBits("v6", ipBits(bridge.v6.ip) + 1n) as DualIp["v6"]),
    },
    mtuBytes: Number(variables.get("FLANNEL_MTU")),
  };
}

/** Creates the node's bridge and one pod on it, as the bridge and host-local plugins would. */
async function attachBySubnetFile(node: LabNode): Promise<void> {
  const { bridge, podIps, mtuBytes } = await readPodNetwork(node);
  if (!Number.isInteger(mtuBytes)) {
    throw new TweedError({
      code: "invalid-subnet-file",
      operation: `read ${subnetFile(node)}`,
      reason: "FLANNEL_MTU is missing",
    });
  }
  const families = FAMILIES.filter((family) => bridge[family] !== null);
  const nodad = (family: string) => (family === "v6" ? " nodad" : "");
  await ipBatch(node.namespace, [
    `link add cni0 mtu ${mtuBytes} type bridge`,
    ...families.map((f) => `address add ${bridge[f]?.ip}/${bridge[f]?.length} dev cni0${nodad(f)}`),
    "link set cni0 up",
    `link add pod mtu ${mtuBytes} type veth peer name eth0 mtu ${mtuBytes} netns ${node.podNamespace}`,
    "link set pod master cni0 up",
  ]);
  await ipBatch(node.podNamespace, [
    ...families.map((f) => `address add ${podIps[f]}/${bridge[f]?.length} dev eth0${nodad(f)}`),
    "link set eth0 up",
    ...families.map((f) => `route add default via ${bridge[f]?.ip} dev eth0`),
  ]);
}
