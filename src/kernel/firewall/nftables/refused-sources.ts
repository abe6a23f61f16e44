/**
 * Sources of packets refused recently, read from sets of the packet filter. The kernel's log does not serve: it has no
 * lines of rules in a network namespace other than the initial one.
 */
import type { Family, Ip } from "../../../net/index.ts";
import { attributeList, readBody } from "../../netlink/attributes.ts";
import { BodyWriter } from "../../netlink/body-writer.ts";
import type { Message } from "../../netlink/message.ts";
import type { Request } from "../../netlink/request.ts";
import type { Refusal } from "../refusal.ts";
import { PACKET_FILTER_TABLE, sourcesSet } from "./packet-filter-table.ts";
import { NFGENMSG_BYTES, NFTABLES_SUBSYSTEM } from "./ruleset-message.ts";

const GET_ELEMENTS = 13;
const NFPROTO_INET = 1;
/** NFTA_SET_ELEM_LIST_*, NFTA_SET_ELEM_KEY, NFTA_DATA_VALUE */
const LIST = { table: 1, set: 2, elements: 3 } as const;
const ELEMENT_KEY = 1;
const DATA_VALUE = 1;

export function sourcesRequest(reason: Refusal, family: Family): Request {
  return {
    operation: "read sources of refused packets",
    type: (NFTABLES_SUBSYSTEM << 8) | GET_ELEMENTS,
    flags: 0,
    body: new BodyWriter(NFGENMSG_BYTES, (struct) => struct.setUint8(0, NFPROTO_INET))
      .text(LIST.table, PACKET_FILTER_TABLE.name)
      .text(LIST.set, sourcesSet(reason, family))
      .finish(),
    doneErrnos: [],
  };
}

/** @throws TweedError `netlink-malformed` */
export function readSources({ body }: Message): readonly Ip[] {
  const what = "nf_tables elements";
  const { attributes } = readBody(body, NFGENMSG_BYTES, what);
  const sources: Ip[] = [];
  for (const element of attributeList(attributes.bytes(LIST.elements), what)) {
    const ip = element.nested(ELEMENT_KEY, what)?.ip(DATA_VALUE) ?? null;
    if (ip !== null) sources.push(ip);
  }
  return sources;
}
