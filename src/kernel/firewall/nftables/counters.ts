/** The packet filter's counters, as the kernel dumps them (linux/netfilter/nf_tables.h). */
import { type Attributes, readBody } from "../../netlink/attributes.ts";
import { BodyWriter } from "../../netlink/body-writer.ts";
import { malformed } from "../../netlink/malformed.ts";
import type { Message } from "../../netlink/message.ts";
import type { Request } from "../../netlink/request.ts";
import { REFUSALS, type Refusal } from "../refusal.ts";
import { PACKET_FILTER_TABLE } from "./packet-filter-table.ts";
import { NFGENMSG_BYTES, NFTABLES_SUBSYSTEM } from "./ruleset-message.ts";

export interface RefusedPackets {
  readonly packets: number;
  readonly bytes: number;
}

export type RefusalCounts = Readonly<Record<Refusal, RefusedPackets>>;

const GET_OBJECTS = 19;
const NFPROTO_INET = 1;
/** NFTA_OBJ_* */
const OBJECT = { table: 1, name: 2, data: 4 } as const;
/** NFTA_COUNTER_*, big-endian u64. */
const COUNTER = { bytes: 1, packets: 2 } as const;

const NONE: RefusedPackets = { packets: 0, bytes: 0 };

/** Dumps the named objects of the table, which all are counters; without the table there are none. */
export const COUNTERS_REQUEST: Request = {
  operation: "read the counters of the packet filter",
  type: (NFTABLES_SUBSYSTEM << 8) | GET_OBJECTS,
  flags: 0,
  body: new BodyWriter(NFGENMSG_BYTES, (struct) => struct.setUint8(0, NFPROTO_INET))
    .text(OBJECT.table, PACKET_FILTER_TABLE.name)
    .finish(),
  doneErrnos: [],
};

/** @throws TweedError `netlink-malformed` */
export function readCounter({ body }: Message): readonly [name: string | null, RefusedPackets] {
  const { attributes } = readBody(body, NFGENMSG_BYTES, "nf_tables object");
  const data = attributes.nested(OBJECT.data, "nf_tables counter");
  if (data === null) throw malformed("nf_tables object", "no data");
  const counted = { packets: u64(data, COUNTER.packets), bytes: u64(data, COUNTER.bytes) };
  return [attributes.text(OBJECT.name), counted];
}

/** Absent counters count as 0. */
export function countsOf(counters: Iterable<readonly [name: string | null, RefusedPackets]>): RefusalCounts {
  const byName = new Map(counters);
  const entries = REFUSALS.map((reason) => [reason, byName.get(reason) ?? NONE]);
  return Object.fromEntries(entries) as RefusalCounts;
}

function u64(attributes: Attributes, type: number): number {
  const bytes = attributes.bytes(type);
  if (bytes?.length !== 8) throw malformed("nf_tables counter", `${bytes?.length ?? "no"} bytes of a number`);
  return Number(new DataView(bytes.buffer, bytes.byteOffset, 8).getBigUint64(0));
}
