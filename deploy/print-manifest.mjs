/**
 * Prints `kube-tweed.yml`, the manifest to apply as it is: the resources of the kustomize base, one after another, with
 * their comments.
 */
import { readFile } from "node:fs/promises";
import { parse } from "yaml";

const BASE = new URL("kustomize/base/", import.meta.url);

const { resources } = parse(await readFile(new URL("kustomization.yaml", BASE), "utf8"));
const texts = await Promise.all(resources.map((name) => readFile(new URL(name, BASE), "utf8")));
process.stdout.write(["# Made of kustomize/base by: npm run deploy:manifest\n", ...texts].join("---\n"));
