/** Notifications of nf_tables (linux/netfilter/nf_tables.h): which tables a transaction changed. */
import { Attributes } from "../../netlink/attributes.ts";
import { malformed } from "../../netlink/malformed.ts";
import type { Message } from "../../netlink/message.ts";
import type { Request } from "../../netlink/request.ts";

/** NFNLGRP_NFTABLES, as the bit that a socket binds to. */
export const RULESET_GROUP = 1 << (7 - 1);

/** The upper byte of a message's type: NFNL_SUBSYS_NFTABLES. */
export const NFTABLES_SUBSYSTEM = 10;
const NEW_GENERATION = 15;
const GET_GENERATION = 16;
/** NFTA_GEN_ID, a big-endian u32. */
const GENERATION_ID = 1;
/** NFTA_TABLE_NAME, and NFTA_*_TABLE of chains, rules, sets, elements, objects and flow tables alike. */
const TABLE_NAME = 1;
/** struct nfgenmsg: u8 family, u8 version, big-endian u16 resource. */
export const NFGENMSG_BYTES = 4;

/** nft's names of NFPROTO_*. */
const FAMILY_NAMES: ReadonlyMap<number, string> = new Map([
  [1, "inet"],
  [2, "ip"],
  [3, "arp"],
  [5, "netdev"],
  [7, "bridge"],
  [10, "ip6"],
]);

export type RulesetEvent =
  /** An object in the table was added or deleted; `table` as in nft's commands: "ip flannel-ipv4". */
  | { readonly kind: "touched"; readonly table: string }
  /** The last message of one transaction. */
  | { readonly kind: "committed"; readonly generation: number };

/**
 * null for messages that are not about tables.
 *
 * @throws TweedError `netlink-malformed`
 */
export function readRulesetEvent({ type, body }: Message): RulesetEvent | null {
  if (type >> 8 !== NFTABLES_SUBSYSTEM) return null;
  if (body.length < NFGENMSG_BYTES) throw malformed("nf_tables message", `${body.length} bytes`);
  const attributes = new Attributes(body.subarray(NFGENMSG_BYTES), "nf_tables message");
  if ((type & 0xff) === NEW_GENERATION) return { kind: "committed", generation: generationOf(attributes) };
  const name = attributes.text(TABLE_NAME);
  const family = FAMILY_NAMES.get(body[0] as number);
  return name === null || family === undefined ? null : { kind: "touched", table: `${family} ${name}` };
}

/** Asks for the generation, the number of the last transaction. */
export const GENERATION_REQUEST: Request = {
  operation: "read the generation of nf_tables",
  type: (NFTABLES_SUBSYSTEM << 8) | GET_GENERATION,
  flags: 0,
  body: new Uint8Array(NFGENMSG_BYTES),
  doneErrnos: [],
};

/** @throws TweedError `netlink-malformed` */
export function readGeneration(message: Message): number {
  const event = readRulesetEvent(message);
  if (event?.kind === "committed") return event.generation;
  throw malformed("nf_tables generation", `message type ${message.type}`);
}

function generationOf(attributes: Attributes): number {
  const id = attributes.bytes(GENERATION_ID);
  if (id?.length !== 4) throw malformed("nf_tables generation", `${id?.length ?? "no"} bytes of a number`);
  return new DataView(id.buffer, id.byteOffset, 4).getUint32(0);
}
