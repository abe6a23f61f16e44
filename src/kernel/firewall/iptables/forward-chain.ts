/** The FORWARD chain of iptables-legacy, which nftables does not show, from the output of iptables-save. */
import { ipToBytes, prefixAddress, tryParsePrefix } from "../../../net/index.ts";
import { type AddressMatch, addressBytes, type ForwardChain, type ForwardRule } from "../forward-chain.ts";
import type { Installation } from "./installation.ts";

/** null where the host has no such table. */
export function legacyForwardChain({ family }: Installation, saved: string): ForwardChain | null {
  const [, table] = /^\*filter$([\s\S]*?)^COMMIT$/m.exec(saved) ?? [];
  const [, policy] = /^:FORWARD (\S+)/m.exec(table ?? "") ?? [];
  if (table === undefined || policy === undefined) return null;
  const rules = [...table.matchAll(/^-A FORWARD (.*)$/gm)].map(([, text = ""]) => readRule(text));
  return {
    ...{ table: null, families: [family], name: "FORWARD", rules },
    policy: policy === "DROP" ? "drop" : "accept",
  };
}

const COMMENT = /-m comment --comment (?:"(?:[^"\\]|\\.)*"|\S+) ?/g;
const TARGET = /(?:^| )-[jg] (\S+).*$/;
const VERDICTS: Readonly<Record<string, ForwardRule["verdict"]>> = {
  ACCEPT: "accept",
  DROP: "drop",
  REJECT: "reject",
  RETURN: "return",
};

function readRule(text: string): ForwardRule {
  const plain = text.replace(COMMENT, "");
  const [, target = null] = TARGET.exec(plain) ?? [];
  const verdict = target === null ? null : (VERDICTS[target] ?? null);
  return {
    verdict,
    target: verdict === null ? target : null,
    match: readMatch(plain.replace(TARGET, "").trim()),
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
