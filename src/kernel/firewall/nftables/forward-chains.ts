/**
 * Chains of the hook "forward" as the kernel dumps them (linux/netfilter/nf_tables.h), of all programs, iptables-nft
 * included.
 */
import { type Attributes, attributeList, readBody } from "../../netlink/attributes.ts";
import { BodyWriter } from "../../netlink/body-writer.ts";
import type { Message } from "../../netlink/message.ts";
import type { Request } from "../../netlink/request.ts";
import {
  type AddressMatch,
  addressBytes,
  type ForwardChain,
  type ForwardRule,
  type ForwardVerdict,
} from "../forward-chain.ts";
import { NFGENMSG_BYTES, NFTABLES_SUBSYSTEM } from "./ruleset-message.ts";

const GET_CHAINS = 4;
const GET_RULES = 7;
/** NF_INET_FORWARD; in the family "bridge" the number has another meaning. */
const HOOK_FORWARD = 2;
const FAMILIES: ReadonlyMap<
  number,
  Pick<ForwardChain, "families"> & { readonly name: "inet" | "ip" | "ip6" }
> = new Map([
  [1, { name: "inet", families: ["v4", "v6"] }],
  [2, { name: "ip", families: ["v4"] }],
  [10, { name: "ip6", families: ["v6"] }],
]);

/** NFTA_CHAIN_*, NFTA_HOOK_*, NFTA_RULE_*, NFTA_EXPR_* */
const CHAIN = { table: 1, name: 3, hook: 4, policy: 5 } as const;
const HOOK_NUMBER = 1;
const RULE = { table: 1, chain: 2, expressions: 4 } as const;
const EXPRESSION = { name: 1, data: 2 } as const;
/** NFTA_IMMEDIATE_*, NFTA_DATA_*, NFTA_VERDICT_*, NFTA_PAYLOAD_*, NFTA_CMP_*, NFTA_TARGET_NAME and NFTA_MATCH_NAME */
const IMMEDIATE_DATA = 2;
const DATA = { value: 1, verdict: 2 } as const;
const VERDICT = { code: 1, chain: 2 } as const;
const PAYLOAD = { base: 2, offset: 3 } as const;
const COMPARE = { operator: 2, data: 3 } as const;
const XTABLES_NAME = 1;
/** NFTA_META_KEY, NFT_META_NFPROTO */
const META_KEY = 2;
const FAMILY_KEY = 15;

const NETWORK_HEADER = 1;
const EQUAL = 0;
/** Offsets of addresses within the headers of IPv4 and IPv6. */
const ADDRESS_FIELDS: ReadonlyMap<number, AddressMatch["field"]> = new Map([
  [12, "source"],
  [16, "destination"],
  [8, "source"],
  [24, "destination"],
]);
/** NF_DROP, NF_ACCEPT, NFT_JUMP, NFT_GOTO, NFT_RETURN */
const VERDICTS: ReadonlyMap<number, ForwardVerdict> = new Map([
  [0, "drop"],
  [1, "accept"],
  [-3, "jump"],
  [-4, "goto"],
  [-5, "return"],
]);

export interface ChainId {
  readonly family: number;
  readonly table: string;
  readonly name: string;
  readonly policy: "accept" | "drop";
}

export const CHAINS_REQUEST: Request = {
  operation: "list chains of nf_tables",
  type: (NFTABLES_SUBSYSTEM << 8) | GET_CHAINS,
  flags: 0,
  body: new Uint8Array(NFGENMSG_BYTES),
  doneErrnos: [],
};

/** null for a chain of another hook. @throws TweedError `netlink-malformed` */
export function readForwardChain({ body }: Message): ChainId | null {
  const { struct, attributes } = readBody(body, NFGENMSG_BYTES, "nf_tables chain");
  const hook = attributes.nested(CHAIN.hook, "nf_tables hook");
  const [table, name] = [attributes.text(CHAIN.table), attributes.text(CHAIN.name)];
  const family = struct.getUint8(0);
  const isForward = hook?.i32BigEndian(HOOK_NUMBER) === HOOK_FORWARD && FAMILIES.has(family);
  if (!isForward || table === null || name === null) return null;
  return { family, table, name, policy: attributes.i32BigEndian(CHAIN.policy) === 0 ? "drop" : "accept" };
}

export function rulesRequest({ family, table, name }: ChainId): Request {
  return {
    operation: `list rules of chain ${name} of table ${table}`,
    type: (NFTABLES_SUBSYSTEM << 8) | GET_RULES,
    flags: 0,
    body: new BodyWriter(NFGENMSG_BYTES, (struct) => struct.setUint8(0, family))
      .text(RULE.table, table)
      .text(RULE.chain, name)
      .finish(),
    doneErrnos: [],
  };
}

/** null for a rule of another chain: a kernel without the dump filter sends those too. @throws as above */
export function readForwardRule({ body }: Message, { table, name }: ChainId): ForwardRule | null {
  const { attributes } = readBody(body, NFGENMSG_BYTES, "nf_tables rule");
  if (attributes.text(RULE.table) !== table || attributes.text(RULE.chain) !== name) return null;
  const reader = new RuleReader();
  for (const expression of attributeList(attributes.bytes(RULE.expressions), "nf_tables rule")) {
    const data = expression.nested(EXPRESSION.data, "nf_tables expression");
    reader.read(expression.text(EXPRESSION.name) ?? "", data);
  }
  return reader.finish();
}

export function forwardChain(
  { family, table, name, policy }: ChainId,
  rules: readonly ForwardRule[],
): ForwardChain {
  const known = FAMILIES.get(family);
  return {
    table: { family: known?.name ?? "inet", name: table },
    families: known?.families ?? [],
    ...{ name, policy, rules },
  };
}

class RuleReader {
  #verdict: ForwardVerdict | null = null;
  #target: string | null = null;
  #field: AddressMatch["field"] | null = null;
  #matches: AddressMatch[] = [];
  #isOfFamily = false;
  #isOther = false;

  read(name: string, data: Attributes | null): void {
    switch (name) {
      case "counter":
      case "log":
      // The mask of a prefix, between an address and what it is compared with.
      case "bitwise":
        return;
      case "reject":
        this.#verdict = "reject";
        return;
      case "immediate":
        this.#readVerdict(data);
        return;
      case "meta":
        // In a table of both families this expression precedes an address.
        if (data?.i32BigEndian(META_KEY) === FAMILY_KEY) this.#isOfFamily = true;
        else this.#isOther = true;
        return;
      case "payload":
        this.#readField(data);
        return;
      case "cmp":
        this.#readComparison(data);
        return;
      case "target":
        this.#readTarget(data?.text(XTABLES_NAME) ?? "");
        return;
      case "match":
        this.#isOther ||= data?.text(XTABLES_NAME) !== "comment";
        return;
      default:
        this.#isOther = true;
    }
  }

  finish(): ForwardRule {
    const [only, ...others] = this.#matches;
    const isOther = this.#isOther || others.length > 0 || (this.#isOfFamily && only === undefined);
    return { verdict: this.#verdict, target: this.#target, match: isOther ? "other" : (only ?? "anything") };
  }

  #readVerdict(data: Attributes | null): void {
    const verdict = data?.nested(IMMEDIATE_DATA, "nf_tables data")?.nested(DATA.verdict, "nf_tables verdict");
    this.#verdict = VERDICTS.get(verdict?.i32BigEndian(VERDICT.code) ?? Number.NaN) ?? null;
    this.#target = verdict?.text(VERDICT.chain) ?? null;
  }

  #readField(data: Attributes | null): void {
    const isNetwork = data?.i32BigEndian(PAYLOAD.base) === NETWORK_HEADER;
    this.#field = (isNetwork && ADDRESS_FIELDS.get(data.i32BigEndian(PAYLOAD.offset) ?? -1)) || null;
    this.#isOther ||= this.#field === null;
  }

  #readComparison(data: Attributes | null): void {
    const field = this.#field;
    this.#field = null;
    // It does not compare an address.
    if (field === null) return;
    const value = data?.nested(COMPARE.data, "nf_tables data")?.bytes(DATA.value) ?? null;
    if (value === null || data?.i32BigEndian(COMPARE.operator) !== EQUAL) this.#isOther = true;
    else this.#matches.push({ field, bytes: addressBytes(value) });
  }

  /** A target of iptables-nft that it does not translate into nftables' own expressions. */
  #readTarget(name: string): void {
    if (name === "DROP") this.#verdict = "drop";
    else if (name === "REJECT") this.#verdict = "reject";
  }
}
