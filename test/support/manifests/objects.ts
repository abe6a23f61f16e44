/** Kubernetes objects in YAML files. */
import { readFile } from "node:fs/promises";
import { parseAllDocuments } from "yaml";
import { isJsonObject, type JsonObject } from "../../../src/runtime/json.ts";

export interface KubeObject extends JsonObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: JsonObject & { readonly name: string };
}

/** @param path from the folder `deploy/` */
export function readDeployFile(path: string): Promise<string> {
  return readFile(new URL(`../../../deploy/${path}`, import.meta.url), "utf8");
}

/** @throws Error when the text is not YAML, or a document is not a Kubernetes object */
export function parseObjects(text: string): KubeObject[] {
  return parseAllDocuments(text, { uniqueKeys: true }).flatMap((document) => {
    for (const error of document.errors) throw error;
    const value: unknown = document.toJS();
    if (value === null) return [];
    if (!isKubeObject(value)) throw new Error(`no object of Kubernetes: ${JSON.stringify(value)}`);
    return [value];
  });
}

function isKubeObject(value: unknown): value is KubeObject {
  if (!isJsonObject(value) || !isJsonObject(value.metadata)) return false;
  return [value.apiVersion, value.kind, value.metadata.name].every((text) => typeof text === "string");
}

/** "DaemonSet kube-tweed". */
export function nameOf({ kind, metadata }: KubeObject): string {
  return `${kind} ${metadata.name}`;
}

/** @throws Error when there is none, or more than one */
export function onlyOf(objects: readonly KubeObject[], kind: string): KubeObject {
  const [found, ...others] = objects.filter((object) => object.kind === kind);
  if (found === undefined || others.length > 0) throw new Error(`not exactly one ${kind}`);
  return found;
}

/** Sorted by name and kind. */
export function sortedObjects(objects: readonly KubeObject[]): KubeObject[] {
  return [...objects].sort((one, other) => (nameOf(one) < nameOf(other) ? -1 : 1));
}
