/**
 * The JSON text of a lease, as flannel writes it: field names and their order are the contract, readers match
 * names without regard to case and ignore unknown fields. What flannel's format lacks, such as a second and third
 * backend, goes in a field of ours after flannel's own.
 */
import { type DualIp, tryParseIpv4, tryParseIpv6 } from "../net/index.ts";
import { messageOf, TweedError } from "../runtime/error.ts";
import { Fields } from "../runtime/fields.ts";
import { isJsonObject, type JsonObject, type JsonValue } from "../runtime/json.ts";
import type { BackendOffer, LeaseContent } from "./lease.ts";

/** The size limit of one lease in a store, for reading and for writing. */
export const MAX_LEASE_BYTES = 4096;

/** Our field: offers after the first, each an object of flannel's three backend fields. */
const MORE_OFFERS = "TweedOffers";
const MAX_OFFERS = 8;
/** Our field: source addresses of packets beside the published ones, at most one of each family. */
const MORE_SOURCES = "TweedSources";

/** flannel's udp backend writes no BackendType at all. */
const UNNAMED_BACKEND = "udp";

/**
 * @param extra the store's own fields; they come last
 * @throws TweedError `lease-too-large`
 */
export function encodeLeaseValue(content: LeaseContent, extra: JsonObject = {}): string {
  const [preferred, ...others] = content.offers;
  const text = JSON.stringify({
    PublicIP: content.publicIps.v4 ?? "0.0.0.0",
    PublicIPv6: content.publicIps.v6,
    ...offerFields(preferred),
    ...(others.length === 0 ? {} : { [MORE_OFFERS]: others.map(offerFields) }),
    ...(content.sourceIps === undefined ? {} : { [MORE_SOURCES]: sourceList(content.sourceIps) }),
    ...extra,
  });
  const bytes = Buffer.byteLength(text);
  if (bytes > MAX_LEASE_BYTES) {
    throw new TweedError({
      code: "lease-too-large",
      operation: "encode lease",
      reason: `it takes ${bytes} bytes and peers read at most ${MAX_LEASE_BYTES}; offer fewer backends`,
    });
  }
  return text;
}

/** @throws TweedError `invalid-lease`; a malformed address only removes its family from the lease */
export function decodeLeaseValue(bytes: Uint8Array): LeaseContent {
  return readLeaseContent(parseLeaseFields(bytes));
}

/** The object in a lease's text, for stores with fields of their own in it. */
export function parseLeaseFields(bytes: Uint8Array): Fields {
  if (bytes.length > MAX_LEASE_BYTES) refuse(`it is too large: at most ${MAX_LEASE_BYTES} bytes are read`);
  let parsed: unknown;
  try {
    parsed = JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString());
  } catch (error) {
    return refuse(`it is not JSON: ${messageOf(error)}`);
  }
  return isJsonObject(parsed) ? new Fields(parsed, "lease") : refuse("it is not a JSON object");
}

export function readLeaseContent(fields: Fields): LeaseContent {
  const preferred = readOffer(fields) ?? refuse("BackendType is not the name of a backend");
  return {
    publicIps: {
      v4: address(fields.value("PublicIP"), tryParseIpv4, "0.0.0.0"),
      v6: address(fields.value("PublicIPv6"), tryParseIpv6, "::"),
    },
    ...readSources(fields.value(MORE_SOURCES)),
    offers: [preferred, ...moreOffers(fields.value(MORE_OFFERS), preferred)],
  };
}

export function sourceList({ v4, v6 }: DualIp): readonly string[] {
  return [v4, v6].filter((ip) => ip !== null);
}

/** The first of each family; none when the field is absent or malformed. */
export function readSources(value: JsonValue): Pick<LeaseContent, "sourceIps"> {
  if (!Array.isArray(value)) return {};
  const ips = value.slice(0, 2).filter((each) => typeof each === "string");
  const v4 = ips.flatMap((text) => tryParseIpv4(text) ?? [])[0] ?? null;
  const v6 = ips.flatMap((text) => tryParseIpv6(text) ?? [])[0] ?? null;
  return v4 === null && v6 === null ? {} : { sourceIps: { v4, v6 } };
}

function offerFields(offer: BackendOffer): JsonObject {
  return {
    ...(offer.type === UNNAMED_BACKEND ? {} : { BackendType: offer.type }),
    ...(offer.data.v4 === null ? {} : { BackendData: offer.data.v4 }),
    ...(offer.data.v6 === null ? {} : { BackendV6Data: offer.data.v6 }),
  };
}

function readOffer(fields: Fields): BackendOffer | null {
  const type = fields.value("BackendType");
  if (type !== null && typeof type !== "string") return null;
  const name = type === null || type === "" ? UNNAMED_BACKEND : type;
  if (!/^[a-z0-9][a-z0-9-]{0,31}$/.test(name)) return null;
  return { type: name, data: { v4: fields.value("BackendData"), v6: fields.value("BackendV6Data") } };
}

/** None when the field is absent or malformed: the lease is then read as flannel's. */
function moreOffers(value: JsonValue, preferred: BackendOffer): readonly BackendOffer[] {
  if (!Array.isArray(value) || value.length >= MAX_OFFERS) return [];
  const offers: BackendOffer[] = [];
  // One type may occur with different data, as VXLAN does while its VNI changes; a repeated offer is malformed.
  const texts = new Set([JSON.stringify(preferred)]);
  for (const item of value) {
    const offer = isJsonObject(item) ? readOffer(new Fields(item, MORE_OFFERS)) : null;
    if (offer === null || texts.has(JSON.stringify(offer))) return [];
    texts.add(JSON.stringify(offer));
    offers.push(offer);
  }
  return offers;
}

function address<A extends string>(
  value: JsonValue,
  parse: (text: string) => A | null,
  none: string,
): A | null {
  const ip = typeof value === "string" ? parse(value) : null;
  return ip === none ? null : ip;
}

function refuse(reason: string): never {
  throw new TweedError({ code: "invalid-lease", operation: "read lease", reason });
}
