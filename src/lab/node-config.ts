/** The network configuration of a single node: a file, changed as Kubernetes changes a mounted ConfigMap. */
import { mkdir, rename, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type LabNode, type LabSpec, labNetworkConfig } from "./topology.ts";

const FILE = "net-conf.json";

export function nodeConfigFile(node: LabNode): string {
  return join(node.directory, "config", FILE);
}

/**
 * Gives one node a configuration with this `Backend` object; those of the others stay. As the kubelet's atomic writer
 * does it: the file is a link through `..data`, and that is swapped for a link to a directory of its own.
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
