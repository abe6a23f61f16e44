/**
 * nft's ruleset of a namespace, including the rules of iptables-nft: tables, chains, rules, sets and their elements.
 */
import { run } from "../runtime/program.ts";

/** Sorted text, without numbers that the kernel assigns and without counters. */
export async function readFirewallRules(namespace: string): Promise<readonly string[]> {
  const text = await run("ip", ["netns", "exec", namespace, "nft", "-s", "-j", "list", "ruleset"]);
  const { nftables } = JSON.parse(text, dropNumbers) as { readonly nftables: readonly object[] };
  return nftables.map((object) => JSON.stringify(object)).sort();
}

function dropNumbers(key: string, value: unknown): unknown {
  // Remaining time of elements with a timeout.
  if (key === "expires") return undefined;
  if (key === "handle" || key === "counter" || key === "metainfo") return undefined;
  if (key !== "elem" || !Array.isArray(value)) return value;
  return value.toSorted((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
}
