/** Builds the lab's underlay, and plugs and unplugs its cables. */
import { FAMILIES } from "../net/index.ts";
import { createNamespace, ipBatch, writeSysctls } from "./namespaces.ts";
import { type LabNode, type LabSpec, switchIp, switchNamespace, UNDERLAY_LENGTH } from "./topology.ts";

export async function buildSwitch(spec: LabSpec): Promise<void> {
  const namespace = switchNamespace(spec.name);
  await createNamespace(namespace);
  await ipBatch(namespace, [
    "link add br0 type bridge",
    "link set br0 up",
    ...addressLines("br0", switchIp(spec)),
  ]);
}

export async function connectNode(spec: LabSpec, node: LabNode): Promise<void> {
  await createNamespace(node.namespace);
  await ipBatch(switchNamespace(spec.name), [
    `link add ${node.name} type veth peer name eth0 netns ${node.namespace}`,
    `link set ${node.name} master br0 up`,
  ]);
  await writeSysctls(node.namespace, {
    "net/ipv4/ip_forward": "1",
    "net/ipv6/conf/all/forwarding": "1",
    // Without this a new IPv6 address is unusable for a second.
    "net/ipv6/conf/default/accept_dad": "0",
  });
  const defaults = FAMILIES.filter((family) => node.underlay[family] !== null).map(
    (family) => `route add default via ${switchIp(spec)[family]} dev eth0`,
  );
  await ipBatch(node.namespace, [...addressLines("eth0", node.underlay), "link set eth0 up", ...defaults]);
}

/** Unplugs the node's cable, or plugs it in. */
export async function setCable(spec: Pick<LabSpec, "name">, node: LabNode, plugged: boolean): Promise<void> {
  await ipBatch(switchNamespace(spec.name), [`link set ${node.name} ${plugged ? "up" : "down"}`]);
}

function addressLines(device: string, ips: LabNode["underlay"]): string[] {
  return FAMILIES.filter((family) => ips[family] !== null).map(
    (family) =>
      `address add ${ips[family]}/${UNDERLAY_LENGTH[family]} dev ${device}${family === "v6" ? " nodad" : ""}`,
  );
}
