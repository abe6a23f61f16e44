/** The fields of a Node that a lease needs, and how to extract them from its ten kilobytes. */
import { isJsonObject, type JsonValue } from "../../runtime/json.ts";
import { MAX_LEASE_BYTES } from "../lease-value.ts";
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
/** Longer lists are not read: of the addresses and conditions of a node, which its kubelet writes. */
const MAX_LIST_BYTES = 32 * 1024;

/** With our prefix: a dozen are ours, and an operator may have chosen a prefix of other annotations. */
const MAX_ANNOTATIONS = 256;
/** Of a lease's longest annotation as JSON: the API server escapes some characters by six (`\u003c`). */
const MAX_ANNOTATION_BYTES = 6 * MAX_LEASE_BYTES + 2;
/**
 * Stands for a longer value, and is itself longer than the limit of a lease, so that it is refused as one. Every node
 * may write 256 KiB into its annotations; they are neither parsed nor retained.
 */
const TOO_LARGE = JSON.stringify(`more than ${MAX_LEASE_BYTES} bytes`.padEnd(MAX_LEASE_BYTES + 1));

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
    // An escaped key is visited too.
    if (!key.startsWith(prefix)) return;
    const name = key.slice(prefix.length);
    if (!NAMES.has(name)) return;
    const value = cursor.slice();
    annotations.push(`"${name}":${value.length > MAX_ANNOTATION_BYTES ? TOO_LARGE : value.toString()}`);
    if (OPERATORS.has(name)) needsAddresses = true;
  };
  const visitMetadata = (key: string) => {
    if (key === "name") name = cursor.string();
    else if (key === "creationTimestamp") createdAt = cursor.text();
    else if (key === "annotations") cursor.eachKey(visitAnnotation, Buffer.from(prefix), MAX_ANNOTATIONS);
  };
  const visitSpec = (key: string) => {
    if (key === "podCIDR") podCidr = cursor.text();
    else if (key === "podCIDRs") podCidrs = cursor.text();
  };
  const visitStatus = (key: string) => {
    if (key === "addresses") addresses = textOfList(cursor);
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

/**
 * @param excerpt of the same bytes, where it is known
 * @throws TweedError `invalid-json`
 */
export function readOwnNode(
  bytes: Buffer,
  prefix: string,
  excerpt: NodeExcerpt = excerptNode(bytes, prefix),
): OwnNode {
  const record = readExcerpt(excerpt);
  let version = "";
  let uid = "";
  let conditions = "null";
  let addresses = "null";
  const cursor = new JsonCursor(bytes);
  const visitMetadata = (key: string) => {
    if (key === "resourceVersion") version = cursor.string();
    else if (key === "uid") uid = cursor.string();
  };
  const visitStatus = (key: string) => {
    if (key === "conditions") conditions = textOfList(cursor);
    else if (key === "addresses") addresses = textOfList(cursor);
  };
  cursor.eachKey((key) => {
    if (key === "metadata") cursor.eachKey(visitMetadata);
    else if (key === "status") cursor.eachKey(visitStatus);
  });
  const listed = parseJson(conditions);
  const condition = (Array.isArray(listed) ? listed : [])
    .filter(isJsonObject)
    .find(({ type }) => type === "NetworkUnavailable");
  const textOf = (value: JsonValue | undefined) => (isText(value) ? value : "");
  return {
    ...record,
    version,
    uid,
    internalIps: internalIpsOf(parseJson(addresses)).slice(0, MAX_ADDRESSES),
    networkUnavailable:
      condition === undefined ? null : { status: textOf(condition.status), reason: textOf(condition.reason) },
  };
}

function textOfList(cursor: JsonCursor): string {
  const list = cursor.slice();
  return list.length > MAX_LIST_BYTES ? "null" : list.toString();
}

/**
 * Resource versions grow with every write. Only since Kubernetes 1.35 are they guaranteed to be numbers; of others none
 * counts as older.
 */
export function isOlderVersion(version: string, than: string): boolean {
  return [version, than].every((text) => /^\d+$/.test(text)) && BigInt(version) < BigInt(than);
}

/** The second one where they cannot be compared. */
export function newerVersion(one: string | null, other: string): string {
  return one !== null && isOlderVersion(other, one) ? one : other;
}
