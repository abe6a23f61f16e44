/** The fields of a Node that a lease needs, and how to extract them from its ten kilobytes. */
import { isJsonObject, type JsonValue } from "../../runtime/json.ts";
import { ANNOTATIONS } from "./annotation-names.ts";
import { JsonCursor } from "./json-cursor.ts";

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
    if (key === "name") name = cursor.text();
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
    name: name === "" ? "" : String(JSON.parse(name)),
    text: `[${name || '""'},${createdAt},${podCidr},${podCidrs},{${annotations.join()}},${addresses}]`,
  };
}

export function readExcerpt({ name, text }: NodeExcerpt): NodeRecord {
  const [, createdAt, podCidr, podCidrs, annotations, addresses] = JSON.parse(text) as readonly JsonValue[];
  const listed = Array.isArray(podCidrs) ? podCidrs.map(String) : [];
  const single = typeof podCidr === "string" && podCidr !== "" ? [podCidr] : [];
  return {
    name,
    // A node of unknown age counts as the youngest.
    createdAtMs: Date.parse(String(createdAt)) || Number.MAX_SAFE_INTEGER,
    podCidrs: listed.length > 0 ? listed : single,
    annotations: annotations as Record<string, string>,
    internalIps: internalIpsOf(addresses ?? null),
  };
}

function internalIpsOf(addresses: JsonValue): readonly string[] {
  if (!Array.isArray(addresses)) return [];
  return addresses
    .slice(0, MAX_ADDRESSES)
    .flatMap((each) => (isJsonObject(each) && each.type === "InternalIP" ? [String(each.address)] : []));
}

/** @throws TweedError `invalid-json`, SyntaxError */
export function readOwnNode(bytes: Buffer, prefix: string): OwnNode {
  const record = readExcerpt(excerptNode(bytes, prefix));
  const { metadata, status } = JSON.parse(new JsonCursor(bytes).text()) as {
    readonly metadata?: { readonly resourceVersion?: unknown; readonly uid?: unknown };
    readonly status?: {
      readonly conditions?: readonly Record<string, unknown>[] | null;
      readonly addresses?: readonly Record<string, unknown>[] | null;
    };
  };
  const condition = status?.conditions?.find((each) => each.type === "NetworkUnavailable");
  return {
    ...record,
    version: String(metadata?.resourceVersion ?? ""),
    uid: String(metadata?.uid ?? ""),
    internalIps: (status?.addresses ?? [])
      .filter(({ type }) => type === "InternalIP")
      .map(({ address }) => String(address)),
    networkUnavailable:
      condition === undefined ? null : { status: String(condition.status), reason: String(condition.reason) },
  };
}

/**
 * Resource versions grow with every write. Only since Kubernetes 1.35 are they guaranteed to be numbers; of others none
 * counts as older.
 */
export function isOlderVersion(version: string, than: string): boolean {
  return [version, than].every((text) => /^\d+$/.test(text)) && BigInt(version) < BigInt(than);
}
