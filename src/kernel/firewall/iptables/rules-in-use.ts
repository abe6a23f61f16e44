/**
 * Selects the kind of iptables that other programs use already: every packet passes both kinds, and what one drops the
 * other cannot accept.
 */
import { CHAIN_PLACES } from "./chain.ts";
import type { Installation } from "./installation.ts";
import { isLegacyInUse } from "./legacy-use.ts";

/** The installations of a family. If only one has rules of other programs, it comes first. */
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
const OWN_RULES = CHAIN_PLACES.map(({ name }) => `-A ${name} `);

/** @param saved what iptables-save prints */
export function hasRulesOfOthers(saved: string): boolean {
  return saved.split("\n").some((line) => {
    if (line.startsWith(":")) return /^:\S+ DROP(?!\S)/.test(line);
    if (!line.startsWith("-A ")) return false;
    return !OWN_RULES.some((start) => line.startsWith(start)) && !COMMENTS.some((c) => line.includes(c));
  });
}
