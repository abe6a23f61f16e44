/**
 * Of two kinds of iptables the one that others use already: each sees all packets, and what one of them drops the other
 * cannot accept.
 */
import { CHAIN_PLACES } from "./chain.ts";
import type { Installation } from "./installation.ts";
import { isLegacyInUse } from "./legacy-use.ts";

/** The installations of a family with the one first in which others have rules, if that is so of one only. */
export async function inUseFirst(
  installations: readonly Installation[],
  save: (installation: Installation) => Promise<string>,
): Promise<readonly Installation[]> {
  const [first, second] = installations;
  if (first === undefined || second === undefined) return installations;
  const isUsed = async (installation: Installation) => {
    if (installation.kind === "legacy" && !isLegacyInUse(installation.family)) return false;
    return hasRulesOfOthers(await save(installation));
  };
  return (await isUsed(second)) && !(await isUsed(first)) ? [second, first] : installations;
}

const COMMENTS = CHAIN_PLACES.map(({ comment }) => comment);
const CHAINS = CHAIN_PLACES.map(({ name }) => name);

/** @param saved what iptables-save prints */
export function hasRulesOfOthers(saved: string): boolean {
  return saved.split("\n").some((line) => {
    const [, policy] = /^:\S+ (\S+)/.exec(line) ?? [];
    if (policy !== undefined) return policy === "DROP";
    const isRule = line.startsWith("-A ");
    const isOurs =
      CHAINS.some((chain) => line.startsWith(`-A ${chain} `)) || COMMENTS.some((c) => line.includes(c));
    return isRule && !isOurs;
  });
}
