/** CNI configurations of other programs beside ours: a container runtime uses the first by name. */
import { basename, dirname, extname } from "node:path";
import type { Files } from "../../runtime/files.ts";

/** File names that libcni reads as configurations (ConfFiles in libcni/api.go). */
const EXTENSIONS = new Set([".conf", ".conflist", ".json"]);

/** Names of the files that runtimes use in place of ours, in order; none where the directory cannot be read. */
export async function precedingConfs(files: Files, confFile: string): Promise<readonly string[]> {
  const own = basename(confFile);
  const names = await files.list(dirname(confFile)).catch(() => []);
  // Go sorts by bytes, JavaScript by code units: the orders differ only beyond the BMP, which file names do not use.
  return names.filter((name) => EXTENSIONS.has(extname(name)) && name < own).sort();
}

/** A sentence for the operator; empty when ours comes first. */
export function describePreceding(names: readonly string[], confFile: string): readonly string[] {
  const [first] = names;
  if (first === undefined) return [];
  const directory = dirname(confFile);
  const own = basename(confFile);
  return [
    `${directory}/${first} comes before ${own}, and container runtimes use the first by name: pods are not in this ` +
      "network; remove that file, or choose an earlier name with --cni-conf",
  ];
}
