/** CNI configurations of others beside ours: a container runtime takes the first by name. */
import { basename, dirname, extname } from "node:path";
import type { Files } from "../../runtime/files.ts";

/** What libcni takes for a configuration (ConfFiles in libcni/api.go). */
const EXTENSIONS = new Set([".conf", ".conflist", ".json"]);

/** Names of those that runtimes take in place of ours, in order; none where the directory cannot be read. */
export async function earlierConfs(files: Files, confFile: string): Promise<readonly string[]> {
  const own = basename(confFile);
  const names = await files.list(dirname(confFile)).catch(() => []);
  // Go sorts by bytes, as JavaScript does by code units but for what nobody names files.
  return names.filter((name) => EXTENSIONS.has(extname(name)) && name < own).sort();
}

/** For a person; empty when ours comes first. */
export function describeEarlier(names: readonly string[], confFile: string): readonly string[] {
  const [first] = names;
  if (first === undefined) return [];
  const directory = dirname(confFile);
  const own = basename(confFile);
  return [
    `${directory}/${first} comes before ${own}, and container runtimes take the first by name: pods are not in this ` +
      "network; remove that file, or choose an earlier name with --cni-conf",
  ];
}
