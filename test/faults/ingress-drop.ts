/** Frames that a node loses before anything of its network stack sees them, whatever they carry. */
import { inNamespace } from "../../src/lab/namespaces.ts";
import { type LabNode, type LabSpec, switchNamespace } from "../../src/lab/topology.ts";
import { run } from "../../src/runtime/program.ts";

const TABLE = "netdev tw-fault";

/** The node no longer receives from these MACs. */
export function dropFrom(node: LabNode, macs: readonly string[]): Promise<void> {
  return dropFrames(node, `ether saddr { ${macs.join(", ")} } drop`);
}

/** The node loses this share of all frames that it should receive. */
export function dropPercent(node: LabNode, percent: number): Promise<void> {
  return dropFrames(node, `numgen random mod 100 < ${percent} drop`);
}

async function dropFrames(node: LabNode, rule: string): Promise<void> {
  const hook = 'type filter hook ingress device "eth0" priority -500';
  // nft wants the end of a line or a semicolon after a rule, but no semicolon after a chain.
  await nft(node, `table ${TABLE} {\nchain lost {\n${hook}\n${rule}\n}\n}\n`);
}

export async function dropNothing(node: LabNode): Promise<void> {
  // Added first: it may have been removed with the whole ruleset.
  await nft(node, `add table ${TABLE}\ndelete table ${TABLE}\n`);
}

async function nft(node: LabNode, input: string): Promise<void> {
  await run("ip", inNamespace(node.namespace, ["nft", "-f", "-"]), { input });
}

/** The MAC of the node's eth0. */
export function underlayMac(node: LabNode): Promise<string> {
  return macOf(node.namespace, "eth0");
}

/** The MAC by which the nodes reach the store. */
export function storeMac({ name }: Pick<LabSpec, "name">): Promise<string> {
  return macOf(switchNamespace(name), "br0");
}

async function macOf(namespace: string, device: string): Promise<string> {
  const [link] = JSON.parse(await run("ip", ["-n", namespace, "-j", "link", "show", device]));
  return String(link.address);
}
