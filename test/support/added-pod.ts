import { createNamespace, ipBatch } from "../../src/lab/namespaces.ts";
import { readPodNetwork } from "../../src/lab/pod.ts";
import { type LabNode, namespacePrefix } from "../../src/lab/topology.ts";
import { FAMILIES, type Family, type Ip, ipBits, ipFromBits } from "../../src/net/index.ts";

/** The pod that the lab made has the second address of the subnet; this one gets the ninth. */
const LATE = { name: "late", place: 8n };

/**
 * Another pod on a lab's node, configured from the current subnet.env; it is removed with the lab. Its name is unique in
 * the lab, its place in the node's subnet.
 */
export async function addPod(
  lab: string,
  node: LabNode,
  { name, place } = LATE,
): Promise<{ readonly namespace: string; readonly mtuBytes: number; readonly ips: readonly Ip[] }> {
  const { bridge, mtuBytes } = await readPodNetwork(node);
  const namespace = `${namespacePrefix(lab)}${name}`;
  const families = FAMILIES.filter((family) => bridge[family] !== null);
  const ipOf = (family: Family) => {
    const gateway = bridge[family]?.ip;
    return gateway === undefined ? null : ipFromBits(family, ipBits(gateway) + place);
  };
  await createNamespace(namespace);
  await ipBatch(node.namespace, [
    `link add ${name} mtu ${mtuBytes} type veth peer name eth0 mtu ${mtuBytes} netns ${namespace}`,
    `link set ${name} master cni0 up`,
  ]);
  await ipBatch(namespace, [
    ...families.map(
      (f) => `address add ${ipOf(f)}/${bridge[f]?.length} dev eth0${f === "v6" ? " nodad" : ""}`,
    ),
    "link set eth0 up",
    ...families.map((f) => `route add default via ${bridge[f]?.ip} dev eth0`),
  ]);
  return { namespace, mtuBytes, ips: families.map(ipOf).filter((ip) => ip !== null) };
}
