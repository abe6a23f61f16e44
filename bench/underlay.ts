/** How the cable between two lab nodes treats packets larger than its MTU. */

import type { Lab } from "../src/lab/lab.ts";
import { inNamespace } from "../src/lab/namespaces.ts";
import { type LabNode, switchNamespace } from "../src/lab/topology.ts";
import { TweedError } from "../src/runtime/error.ts";
import { run } from "../src/runtime/program.ts";

/** "real" is the network between two machines, used unchanged. */
export type UnderlayName = "same-host" | "wire-like" | "real";
export type LabUnderlay = Exclude<UnderlayName, "real">;

/**
 * A veth forwards packets of 64 KiB whole, unlike any wire. With "wire-like" the sender cuts them and the receiver
 * joins them again, at both ends of each cable, as hosts with plain network cards do.
 */
const FEATURES: Readonly<Record<LabUnderlay, Readonly<Record<string, "on" | "off">>>> = {
  "same-host": { tso: "on", gso: "on", "tx-udp-segmentation": "on", gro: "off" },
  "wire-like": { tso: "off", gso: "off", "tx-udp-segmentation": "off", gro: "on" },
};

export const UNDERLAY_TITLES: Readonly<Record<UnderlayName, string>> = {
  "same-host": "same host: packets of 64 KiB cross the cable whole",
  "wire-like": "wire-like: packets are cut to the MTU before the cable",
  real: "the network between two machines",
};

/** @throws TweedError `usage` */
export function parseUnderlays(text: string): LabUnderlay[] {
  if (text === "both") return ["same-host", "wire-like"];
  if (text === "same-host" || text === "wire-like") return [text];
  throw new TweedError({
    code: "usage",
    operation: "read --underlay",
    reason: `${JSON.stringify(text)} is not accepted, expected same-host, wire-like or both`,
  });
}

export async function setUnderlay(lab: Lab, underlay: LabUnderlay, signal: AbortSignal): Promise<void> {
  const features = Object.entries(FEATURES[underlay]).flat();
  const set = (namespace: string, device: string) =>
    run("ip", inNamespace(namespace, ["ethtool", "-K", device, ...features]), { signal });
  const ends = (node: LabNode) => [
    set(node.namespace, "eth0"),
    set(switchNamespace(lab.spec.name), node.name),
  ];
  await Promise.all(lab.nodes.flatMap(ends));
}

/** "tso off, gso off, …", for the report. */
export function describeUnderlay(underlay: UnderlayName): string {
  if (underlay === "real") return "as the machines have it";
  return Object.entries(FEATURES[underlay])
    .map(([feature, state]) => `${feature} ${state}`)
    .join(", ");
}
