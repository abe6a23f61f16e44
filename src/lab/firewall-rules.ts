/** What nft shows of a namespace, the rules of iptables-nft among it: tables, chains, rules, sets and their members. */
import { run } from "../runtime/program.ts";

/** Sorted text, without the numbers that the kernel gives anew and without what was counted. */
export async function readFirewallRules(namespace: string): Promise<readonly string[]> {
  const text = await run("ip", ["netns", "exec", namespace, "nft", "-s", "-j", "list", "ruleset"]);
  const { nftables } = JSON.parse(text, dropNumbers) as { readonly nftables: readonly object[] };
  return nftables.map((object) => JSON.stringify(object)).sort();
}

function dropNumbers(key: string, value: unknown): unknown {
  // How long an element still has, of those that time out.
  if (key === "expires") return undefined;
  if (key === "handle" || key === "counter" || key === "metainfo") return undefined;
  if (key !== "elem" || !Array.isArray(value)) return value;
  return value.toSorted((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
}
