/**
 * Builds a kustomization with the features that ours use: resources, and strategic merge patches matched by kind and
 * name.
 */
import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { parse } from "yaml";
import { findPrograms } from "../../../src/kernel/firewall/programs.ts";
import { isJsonObject } from "../../../src/runtime/json.ts";
import { strategicMerge } from "../kube-api/strategic-merge.ts";
import { type KubeObject, nameOf, parseObjects } from "./objects.ts";

/** The supported fields of a kustomization. */
interface Kustomization {
  readonly apiVersion: string;
  readonly kind: string;
  readonly resources: readonly string[];
  readonly patches?: readonly { readonly path: string }[];
}

const KEYS = ["apiVersion", "kind", "resources", "patches"];

/** @param directory with a slash at its end. @throws Error for any other field */
export async function kustomize(directory: URL): Promise<KubeObject[]> {
  const { resources, patches = [] } = await readKustomization(directory);
  const lists = await Promise.all(
    resources.map((name) =>
      name.endsWith(".yaml")
        ? readObjects(new URL(name, directory))
        : kustomize(new URL(`${name}/`, directory)),
    ),
  );
  const objects = lists.flat();
  for (const { path } of patches) {
    for (const patch of await readObjects(new URL(path, directory))) {
      const at = objects.findIndex((object) => nameOf(object) === nameOf(patch));
      const target = objects[at];
      if (target === undefined) throw new Error(`${path} patches ${nameOf(patch)}, which is not there`);
      objects[at] = strategicMerge(target, patch) as KubeObject;
    }
  }
  return objects;
}

async function readObjects(file: URL): Promise<KubeObject[]> {
  return parseObjects(await readFile(file, "utf8"));
}

async function readKustomization(directory: URL): Promise<Kustomization> {
  const value: unknown = parse(await readFile(new URL("kustomization.yaml", directory), "utf8"));
  const unknown = isJsonObject(value)
    ? Object.keys(value).filter((key) => !KEYS.includes(key))
    : ["all of it"];
  if (unknown.length > 0)
    throw new Error(`${directory} has ${unknown.join(", ")}, which is not understood here`);
  return value as Kustomization;
}

/** From this version on `patches` are files, as in kustomize 4 and 5; before, they had another meaning. */
const FIRST_MINOR = 27;

/** The same by kubectl, or null if it is missing or too old. */
export async function kubectlKustomize(): Promise<((directory: URL) => Promise<KubeObject[]>) | null> {
  const programs = await findPrograms(["kubectl"], process.env.PATH ?? "");
  if (!programs.has("kubectl")) return null;
  const run = async (...args: readonly string[]) => (await promisify(execFile)("kubectl", args)).stdout;
  const { clientVersion } = JSON.parse(await run("version", "--client", "--output=json")) as {
    readonly clientVersion: { readonly minor: string };
  };
  if (Number.parseInt(clientVersion.minor, 10) < FIRST_MINOR) return null;
  return async (directory) => parseObjects(await run("kustomize", fileURLToPath(directory)));
}
