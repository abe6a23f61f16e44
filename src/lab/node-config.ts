/** The network configuration of a single node: a file, updated as Kubernetes updates a mounted ConfigMap. */
import { mkdir, rename, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type LabNode, type LabSpec, labNetworkConfig } from "./topology.ts";

const FILE = "net-conf.json";

export function nodeConfigFile(node: LabNode): string {
  return join(node.directory, "config", FILE);
}

/**
 * Writes a configuration with this `Backend` object for one node; the others are unchanged. As in the kubelet's atomic
 * writer, the file is a link through `..data`, which is replaced by a link to a new directory.
 */
export async function writeNodeConfig(
  spec: Pick<LabSpec, "families">,
  node: LabNode,
  backend: LabSpec["backend"],
): Promise<void> {
  const mount = join(node.directory, "config");
  const version = `..${Date.now()}`;
  await mkdir(join(mount, version), { recursive: true });
  const text = JSON.stringify(labNetworkConfig({ families: spec.families, backend }));
  await writeFile(join(mount, version, FILE), text);
  await symlink(version, join(mount, "..data_tmp"));
  await rename(join(mount, "..data_tmp"), join(mount, "..data"));
  await symlink(join("..data", FILE), nodeConfigFile(node)).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "EEXIST") throw error;
  });
}
