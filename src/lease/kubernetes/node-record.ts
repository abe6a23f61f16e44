/** The fields of a Node that a lease needs, and how to extract them from its ten kilobytes. */
import { isJsonObject, type JsonObject, type JsonValue } from "../../runtime/json.ts";
import { ANNOTATIONS } from "./annotation-names.ts";
import { JsonCursor, parseJson } from "./json-cursor.ts";

export interface NodeRecord {
  readonly name: string;
  readonly createdAtMs: number;
  /** As written, `spec.podCIDRs` or else `spec.podCIDR`; empty while the node has none. */
  readonly podCidrs: readonly string[];
  /** flannel's and ours, by their names after the prefix. */
  readonly annotations: Readonly<Record<string, string>>;
  /** Of `status.addresses`, when an operator has set another address to publish; else empty. */
  readonly internalIps: readonly string[];
}

/** Other annotations with the prefix may be the operator's. */
const NAMES: ReadonlySet<string> = new Set(Object.values(ANNOTATIONS));
const OPERATORS: ReadonlySet<string> = new Set([
  ANNOTATIONS.publicIpOverwrite,
  ANNOTATIONS.publicIpv6Overwrite,
  ANNOTATIONS.nodePublicIp,
  ANNOTATIONS.nodePublicIpv6,
]);
/** Far more than a node has. */
const MAX_ADDRESSES = 64;

/** The condition that keeps pods away from a node until its network is up. */
export interface NetworkUnavailable {
  readonly status: string;
  readonly reason: string;
}

/** This daemon's own Node, with a few more fields. */
export interface OwnNode extends NodeRecord {
  /** Its resource version. */
  readonly version: string;
  /** Changes when the Node is deleted and created again under the same name. */
  readonly uid: string;
  readonly networkUnavailable: NetworkUnavailable | null;
  /** Its addresses of type InternalIP, as written. */
  readonly internalIps: readonly string[];
}

/** Equal for two states of the Node with the same lease, whatever its kubelet has reported meanwhile. */
export interface NodeExcerpt {
  readonly name: string;
  readonly text: string;
}

/**
 * @param bytes of the Node as JSON, and what follows it
 * @param prefix complete, of the annotations that are ours
 * @throws TweedError `invalid-json`
 */
export function excerptNode(bytes: Buffer, prefix: string): NodeExcerpt {
  let name = "";
  let createdAt = '""';
  let podCidr = "null";
  let podCidrs = "null";
  let addresses = "null";
  let needsAddresses = false;
  const annotations: string[] = [];
  const cursor = new JsonCursor(bytes);
  const visitAnnotation = (key: string) => {
    if (!key.startsWith(prefix)) return;
    const name = key.slice(prefix.length);
    if (!NAMES.has(name)) return;
    annotations.push(`"${name}":${cursor.text()}`);
    if (OPERATORS.has(name)) needsAddresses = true;
  };
  const visitMetadata = (key: string) => {
    if (key === "name") name = cursor.string();
    else if (key === "creationTimestamp") createdAt = cursor.text();
    else if (key === "annotations") cursor.eachKey(visitAnnotation);
  };
  const visitSpec = (key: string) => {
    if (key === "podCIDR") podCidr = cursor.text();
    else if (key === "podCIDRs") podCidrs = cursor.text();
  };
  const visitStatus = (key: string) => {
    if (key === "addresses") addresses = cursor.text();
  };
  let isSpecKnown = false;
  cursor.eachKey((key) => {
    if (key === "metadata") cursor.eachKey(visitMetadata);
    else if (key === "spec") {
      cursor.eachKey(visitSpec);
      isSpecKnown = true;
    } else if (key === "status" && needsAddresses) cursor.eachKey(visitStatus);
    // The status follows: most of the bytes, and seldom needed.
    if (isSpecKnown && name !== "" && !needsAddresses) cursor.leave();
  });
  return {
    name,
    text: `[${JSON.stringify(name)},${createdAt},${podCidr},${podCidrs},{${annotations.join()}},${addresses}]`,
  };
}

/** @throws TweedError `invalid-json` */
export function readExcerpt({ name, text }: NodeExcerpt): NodeRecord {
  const [, createdAt, podCidr, podCidrs, annotations, addresses] = parseJson(text) as readonly JsonValue[];
  const listed = Array.isArray(podCidrs) ? podCidrs.filter(isText) : [];
  const single = typeof podCidr === "string" && podCidr !== "" ? [podCidr] : [];
  return {
    name,
    // A node of unknown age counts as the youngest.
    createdAtMs: (isText(createdAt) && Date.parse(createdAt)) || Number.MAX_SAFE_INTEGER,
    podCidrs: listed.length > 0 ? listed : single,
    annotations: textsOf(annotations ?? null),
    internalIps: internalIpsOf(addresses ?? null).slice(0, MAX_ADDRESSES),
  };
}

function internalIpsOf(addresses: JsonValue): readonly string[] {
  if (!Array.isArray(addresses)) return [];
  return addresses.flatMap((each) =>
    isJsonObject(each) && each.type === "InternalIP" && isText(each.address) ? [each.address] : [],
  );
}

function textsOf(annotations: JsonValue): Readonly<Record<string, string>> {
  if (!isJsonObject(annotations)) return {};
  const texts = Object.entries(annotations).filter((each): each is [string, string] => isText(each[1]));
  return Object.fromEntries(texts);
}

function isText(value: unknown): value is string {
  return typeof value === "string";
}

/** @throws TweedError `invalid-json` */
export function readOwnNode(bytes: Buffer, prefix: string): OwnNode {
  const record = readExcerpt(excerptNode(bytes, prefix));
  const { metadata, status } = objectOf(parseJson(new JsonCursor(bytes).text()));
  const { resourceVersion, uid } = objectOf(metadata);
  const { conditions, addresses } = objectOf(status);
  const listed: readonly JsonValue[] = Array.isArray(conditions) ? conditions : [];
  const condition = listed.filter(isJsonObject).find(({ type }) => type === "NetworkUnavailable");
  const textOf = (value: JsonValue | undefined) => (isText(value) ? value : "");
  return {
    ...record,
    version: textOf(resourceVersion),
    uid: textOf(uid),
    internalIps: internalIpsOf(addresses ?? null),
    networkUnavailable:
      condition === undefined ? null : { status: textOf(condition.status), reason: textOf(condition.reason) },
  };
}

function objectOf(value: JsonValue | undefined): JsonObject {
  return isJsonObject(value) ? value : {};
}

/**
 * Resource versions grow with every write. Only since Kubernetes 1.35 are they guaranteed to be numbers; of others none
 * counts as older.
 */
export function isOlderVersion(version: string, than: string): boolean {
  return [version, than].every((text) => /^\d+$/.test(text)) && BigInt(version) < BigInt(than);
}
