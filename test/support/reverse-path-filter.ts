import { writeSysctls } from "../../src/lab/namespaces.ts";
import type { LabNode } from "../../src/lab/topology.ts";

/** 0 is off, 1 strict, 2 loose (Documentation/networking/ip-sysctl.rst). */
export type ReversePathFilter = 0 | 1 | 2;

/** Sets it on every device of the nodes, also on future ones. */
export async function setReversePathFilter(
  nodes: readonly LabNode[],
  value: ReversePathFilter,
): Promise<void> {
  const devices = ["all", "default", "eth0", "cni0"];
  const settings = Object.fromEntries(
    devices.map((device) => [`net/ipv4/conf/${device}/rp_filter`, String(value)]),
  );
  await Promise.all(nodes.map(({ namespace }) => writeSysctls(namespace, settings)));
}
