/**
 * A lease as annotations of a Node, in flannel's format, readable and writable by both. The subnet is no annotation
 * but the podCIDR that the cluster assigned, the only one that a node may claim.
 */
import {
  type DualIp,
  type DualPrefix,
  type Family,
  type Ipv4,
  type Ipv6,
  prefixFamily,
  prefixOf,
  tryParseCidr,
  tryParseIpv4,
  tryParseIpv6,
} from "../../net/index.ts";
import { TweedError } from "../../runtime/error.ts";
import { Fields } from "../../runtime/fields.ts";
import { isJsonObject, type JsonObject, type JsonValue } from "../../runtime/json.ts";
import { type Lease, type LeaseContent, sourcesBeside } from "../lease.ts";
import {
  encodeLeaseValue,
  MAX_LEASE_BYTES,
  readLeaseContent,
  readSources,
  sourceList,
} from "../lease-value.ts";
import { ANNOTATIONS } from "./annotation-names.ts";
import { joinData, splitData } from "./further-data.ts";
import type { NodeRecord, OwnNode } from "./node-record.ts";

export type Annotations = NodeRecord["annotations"];

/** Nodes without it belong to another network, or have no lease yet. */
export function isManaged({ annotations }: NodeRecord): boolean {
  return annotations[ANNOTATIONS.managed] === "true";
}

/** @throws TweedError `invalid-lease` */
export function leaseOf(node: NodeRecord): Lease {
  return {
    key: node.name,
    subnets: subnetsOf(node.podCidrs),
    claimedAt: BigInt(node.createdAtMs),
    ...withInternalIps(readContent(node.annotations), node.internalIps),
  };
}

/** flannel publishes an operator's address, but sends from the interface's, which it does not publish. */
function withInternalIps(content: LeaseContent, internalIps: readonly string[]): LeaseContent {
  if (content.sourceIps !== undefined) return content;
  const ips = readSources([...internalIps]).sourceIps;
  return ips === undefined ? content : { ...content, ...sourcesBeside(content.publicIps, ips) };
}

/**
 * The first of each family, as flannel's peers read it; host bits are masked. A missing family is null, as are both
 * of an empty list.
 * @throws TweedError `invalid-lease`
 */
export function subnetsOf(podCidrs: readonly string[]): DualPrefix {
  if (podCidrs.length > 2) refuse(`the node has ${podCidrs.length} podCIDRs, expected one of each family`);
  const prefixes = podCidrs.map((text) => {
    const cidr = tryParseCidr(text);
    return cidr === null
      ? refuse(`podCIDR ${JSON.stringify(text.slice(0, 64))} is not a network`)
      : prefixOf(cidr.ip, cidr.length);
  });
  const first = (family: Family) => prefixes.find((prefix) => prefixFamily(prefix) === family) ?? null;
  return { v4: first("v4") as DualPrefix["v4"], v6: first("v6") as DualPrefix["v6"] };
}

/** null for annotations of other writers that are malformed. */
export function readable<T>(read: () => T): T | null {
  try {
    return read();
  } catch (error) {
    if (error instanceof TweedError) return null;
    throw error;
  }
}

/** The annotations of a lease with their values; null for one to remove. */
export function contentAnnotations(content: LeaseContent): Readonly<Record<string, string | null>> {
  const fields = JSON.parse(encodeLeaseValue(content)) as JsonObject;
  const [offer] = content.offers;
  const { type } = offer;
  const { publicIps } = content;
  const { flannel: data, further } = splitData(offer);
  const sources = content.sourceIps === undefined ? {} : { [SOURCES]: sourceList(content.sourceIps) };
  const beyond = { ...further, ...sources };
  // A VTEP without data of a family is unreachable in it. For other backends flannel always writes IPv4.
  const v4 = type !== "vxlan" || data.v4 !== null;
  const v6 = publicIps.v6 !== null && (type !== "vxlan" || data.v6 !== null);
  return {
    [ANNOTATIONS.managed]: "true",
    [ANNOTATIONS.backendType]: type === UNNAMED ? "" : type,
    [ANNOTATIONS.backendData]: v4 ? JSON.stringify(data.v4) : null,
    [ANNOTATIONS.publicIp]: v4 ? (publicIps.v4 ?? NO_IPV4) : null,
    [ANNOTATIONS.backendV6Data]: v6 ? JSON.stringify(data.v6) : null,
    [ANNOTATIONS.publicIpv6]: v6 ? publicIps.v6 : null,
    [ANNOTATIONS.furtherData]: Object.keys(beyond).length === 0 ? null : JSON.stringify(beyond),
    [ANNOTATIONS.moreOffers]: fields.TweedOffers === undefined ? null : JSON.stringify(fields.TweedOffers),
  };
}

/** The part of `wanted` that differs from `annotations`; null removes one. */
export function missingAnnotations(
  annotations: Annotations,
  wanted: Readonly<Record<string, string | null>>,
): Readonly<Record<string, string | null>> {
  const entries = Object.entries(wanted).filter(([name, value]) => (annotations[name] ?? null) !== value);
  return Object.fromEntries(entries);
}

/** `content` with the operator's addresses published in place of its own, which stay the source addresses. */
export function overwritten(content: LeaseContent, annotations: Annotations): LeaseContent {
  const { v4, v6 } = content.publicIps;
  const publicIps = {
    v4: v4 === null ? null : (ipv4Of(annotations[ANNOTATIONS.publicIpOverwrite]) ?? v4),
    v6: v6 === null ? null : (ipv6Of(annotations[ANNOTATIONS.publicIpv6Overwrite]) ?? v6),
  };
  const sources = sourcesBeside(publicIps, {
    v4: content.sourceIps?.v4 ?? v4,
    v6: content.sourceIps?.v6 ?? v6,
  });
  return { offers: content.offers, publicIps, ...sources };
}

/** The addresses that the operator set for this node to publish, like `--public-ip`. */
export function operatorIps(annotations: Annotations): DualIp {
  return {
    v4: ipv4Of(annotations[ANNOTATIONS.nodePublicIp]),
    v6: ipv6Of(annotations[ANNOTATIONS.nodePublicIpv6]),
  };
}

/** The address of each family that this node itself chose to publish; null where an operator's overwrites it. */
export function publishedIps({ annotations }: Pick<NodeRecord, "annotations">): DualIp {
  const { publicIp, publicIpOverwrite, publicIpv6, publicIpv6Overwrite } = ANNOTATIONS;
  return {
    v4: annotations[publicIpOverwrite] === undefined ? ipv4Of(annotations[publicIp]) : null,
    v6: annotations[publicIpv6Overwrite] === undefined ? ipv6Of(annotations[publicIpv6]) : null,
  };
}

/** The first InternalIP of each family. */
export function internalIps({ internalIps: texts }: Pick<OwnNode, "internalIps">): DualIp {
  const first = <A>(parse: (text: string) => A | null) => texts.map(parse).find((ip) => ip !== null) ?? null;
  return { v4: first(tryParseIpv4), v6: first(tryParseIpv6) };
}

/** The operator's annotations whose values are not addresses. */
export function unreadableAddresses(annotations: Annotations): Readonly<Record<string, string>> {
  const parsers = [
    [ANNOTATIONS.publicIpOverwrite, ipv4Of],
    [ANNOTATIONS.publicIpv6Overwrite, ipv6Of],
    [ANNOTATIONS.nodePublicIp, ipv4Of],
    [ANNOTATIONS.nodePublicIpv6, ipv6Of],
  ] as const;
  const faults = parsers.flatMap(([name, parse]) => {
    const text = annotations[name];
    return text === undefined || text === "" || parse(text) !== null
      ? []
      : [[name, text.slice(0, 80)] as const];
  });
  return Object.fromEntries(faults);
}

/** flannel writes an empty type for udp. */
const UNNAMED = "udp";
const NO_IPV4 = "0.0.0.0";
/** Key in the annotation `furtherData`. */
const SOURCES = "sources";

/** Uses the reader of lease texts, so that the same rules apply here. */
function readContent(annotations: Annotations): LeaseContent {
  const bytes = Object.values(annotations).reduce((sum, text) => sum + text.length, 0);
  if (bytes > MAX_LEASE_BYTES)
    refuse(`its annotations are too large: at most ${MAX_LEASE_BYTES} bytes are read`);
  const further = jsonOf(annotations[ANNOTATIONS.furtherData]);
  const data = joinData(
    { v4: jsonOf(annotations[ANNOTATIONS.backendData]), v6: jsonOf(annotations[ANNOTATIONS.backendV6Data]) },
    further,
  );
  return readLeaseContent(
    new Fields(
      {
        PublicIP: annotations[ANNOTATIONS.publicIp] ?? null,
        PublicIPv6: annotations[ANNOTATIONS.publicIpv6] ?? null,
        BackendType: annotations[ANNOTATIONS.backendType] ?? null,
        BackendData: data.v4,
        BackendV6Data: data.v6,
        TweedOffers: jsonOf(annotations[ANNOTATIONS.moreOffers]),
        TweedSources: isJsonObject(further) ? (further[SOURCES] ?? null) : null,
      },
      "lease",
    ),
  );
}

/** Text that is not JSON is returned as a string: the backend then refuses this family only. */
function jsonOf(text: string | undefined): JsonValue {
  if (text === undefined) return null;
  try {
    return JSON.parse(text) as JsonValue;
  } catch {
    return text;
  }
}

function ipv4Of(text: string | undefined): Ipv4 | null {
  return text === undefined ? null : tryParseIpv4(text);
}

function ipv6Of(text: string | undefined): Ipv6 | null {
  return text === undefined ? null : tryParseIpv6(text);
}

function refuse(reason: string): never {
  throw new TweedError({ code: "invalid-lease", operation: "read lease", reason });
}
