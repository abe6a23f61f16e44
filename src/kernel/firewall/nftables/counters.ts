/** The packet filter's counters, as `nft -j list counters` prints them. */
import { TweedError } from "../../../runtime/error.ts";
import { isJsonObject, type JsonValue } from "../../../runtime/json.ts";
import { REFUSALS, type Refusal } from "../refusal.ts";

export interface RefusedPackets {
  readonly packets: number;
  readonly bytes: number;
}

export type RefusalCounts = Readonly<Record<Refusal, RefusedPackets>>;

const NONE: RefusedPackets = { packets: 0, bytes: 0 };

/** Counters that are not there count as 0. @throws TweedError `nft-malformed` */
export function parseCounters(text: string): RefusalCounts {
  const counts = new Map<unknown, RefusedPackets>();
  for (const item of listOf(text)) {
    const counter = isJsonObject(item) ? item.counter : null;
    if (!isJsonObject(counter)) continue;
    const { name, packets, bytes } = counter;
    if (typeof packets === "number" && typeof bytes === "number") counts.set(name, { packets, bytes });
  }
  const entries = REFUSALS.map((reason) => [reason, counts.get(reason) ?? NONE]);
  return Object.fromEntries(entries) as RefusalCounts;
}

function listOf(text: string): readonly JsonValue[] {
  try {
    const document = JSON.parse(text) as JsonValue;
    if (isJsonObject(document) && Array.isArray(document.nftables)) return document.nftables;
  } catch (cause) {
    throw malformed("it is not JSON", cause);
  }
  throw malformed('it has no list "nftables"');
}

function malformed(reason: string, cause?: unknown): TweedError {
  return new TweedError({ code: "nft-malformed", operation: "read counters of nftables", reason, cause });
}
