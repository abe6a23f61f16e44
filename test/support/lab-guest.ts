import { createNamespace, ipBatch } from "../../src/lab/namespaces.ts";
import { namespacePrefix, switchNamespace } from "../../src/lab/topology.ts";

/** A host on a lab's switch that is not a node; it is removed with the lab. Returns its namespace. */
export async function addGuest(lab: string, name: string, ip: string): Promise<string> {
  const namespace = `${namespacePrefix(lab)}${name}`;
  await createNamespace(namespace);
  await ipBatch(switchNamespace(lab), [
    `link add ${name} type veth peer name eth0 netns ${namespace}`,
    `link set ${name} master br0 up`,
  ]);
  await ipBatch(namespace, [`address add ${ip}/16 dev eth0`, "link set eth0 up"]);
  return namespace;
}
