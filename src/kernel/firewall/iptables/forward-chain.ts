/** The FORWARD chain of iptables-legacy, which nftables does not show, from the output of iptables-save. */
import { ipToBytes, prefixAddress, tryParsePrefix } from "../../../net/index.ts";
import { type AddressMatch, addressBytes, type ForwardChain, type ForwardRule } from "../forward-chain.ts";
import type { Installation } from "./installation.ts";

/** null where the host has no such table. */
export function legacyForwardChain({ family }: Installation, saved: string): ForwardChain | null {
  let isFilter = false;
  let policy: string | null = null;
  const rules: ForwardRule[] = [];
  for (const line of saved.split("\n")) {
    if (line.startsWith("*")) isFilter = line === "*filter";
    if (!isFilter) continue;
    if (line.startsWith(POLICY)) policy ??= line.slice(POLICY.length).split(" ", 1)[0] ?? null;
    else if (line.startsWith(RULE)) rules.push(readRule(line.slice(RULE.length).trimEnd()));
  }
  if (policy === null) return null;
  return {
    ...{ table: null, families: [family], name: "FORWARD", rules },
    policy: policy === "DROP" ? "drop" : "accept",
  };
}

const POLICY = ":FORWARD ";
const RULE = "-A FORWARD ";
const COMMENT = /(?<=^| )-m comment --comment (?:"(?:[^"\\]|\\.)*"|\S+) ?/g;
const TARGET = /(?:^| )-[jg] (\S+)/;
/** Of a map: a chain of an operator may be named as a property of every object is, "constructor". */
const VERDICTS: ReadonlyMap<string, ForwardRule["verdict"]> = new Map([
  ["ACCEPT", "accept"],
  ["DROP", "drop"],
  ["REJECT", "reject"],
  ["RETURN", "return"],
]);

function readRule(text: string): ForwardRule {
  const plain = text.replace(COMMENT, "");
  const found = TARGET.exec(plain);
  const target = found?.[1] ?? null;
  const verdict = target === null ? null : (VERDICTS.get(target) ?? null);
  return {
    verdict,
    target: verdict === null ? target : null,
    // Options of the target follow it.
    match: readMatch(plain.slice(0, found?.index).trim()),
  };
}

function readMatch(text: string): ForwardRule["match"] {
  if (text === "") return "anything";
  const [, option, address = ""] = /^-([sd]) (\S+)$/.exec(text) ?? [];
  const prefix = tryParsePrefix(address);
  if (option === undefined || prefix === null) return "other";
  const field: AddressMatch["field"] = option === "s" ? "source" : "destination";
  return { field, bytes: addressBytes(ipToBytes(prefixAddress(prefix))) };
}
