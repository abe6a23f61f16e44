/**
 * Computes the input of iptables-restore --noflush from the actual and the desired rules. Each table is one transaction
 * of the kernel: a chain that is declared again is flushed and filled within it, so that no packet meets a partial
 * chain.
 */
import { isSameList } from "../../../runtime/same-list.ts";
import type { FamilyRules } from "../rule-set.ts";
import { CHAIN_PLACES, type ChainPlace } from "./chain.ts";
import { commentText, jumpText, ruleText } from "./rule-text.ts";
import type { SavedTables } from "./saved-tables.ts";

/** The input for iptables-restore, or null when nothing differs. */
export function repairText(saved: SavedTables, rules: FamilyRules): string | null {
  const parts = CHAIN_PLACES.map((place) => {
    const wanted = place.rulesOf(rules)?.map((rule) => ruleText(place, rule)) ?? null;
    const chains = saved.get(place.table)?.chains ?? new Map<string, readonly string[]>();
    const lines = repairTable(place, chains, wanted);
    return lines.length === 0 ? "" : `*${place.table}\n${lines.join("\n")}\nCOMMIT\n`;
  });
  return parts.join("") || null;
}

function repairTable(
  place: ChainPlace,
  chains: ReadonlyMap<string, readonly string[]>,
  wanted: readonly string[] | null,
): string[] {
  const builtin = splitBuiltin(place, chains.get(place.builtin) ?? []);
  const have = chains.get(place.name);
  if (wanted === null) {
    const removal = have === undefined ? [] : [`-F ${place.name}`, `-X ${place.name}`];
    return [...deletions(builtin.ours), ...removal];
  }
  const lines: string[] = [];
  if (have === undefined || !isSameList(have, wanted)) lines.push(`:${place.name} - [0:0]`, ...wanted);
  const at = jumpIndex(place, builtin);
  if (at === null) return lines;
  const { length } = builtin.others;
  // Rules count from 1.
  const put = at === length ? `-A ${place.builtin}` : `-I ${place.builtin} ${at + 1}`;
  return [...lines, ...deletions(builtin.ours), `${put} ${jumpText(place)}`];
}

interface Builtin {
  readonly ours: readonly string[];
  readonly others: readonly string[];
  /** For each of ours that is the jump, the number of other rules before it. */
  readonly jumps: readonly number[];
}

function splitBuiltin(place: ChainPlace, rules: readonly string[]): Builtin {
  const jump = `-A ${place.builtin} ${jumpText(place)}`;
  const ours: string[] = [];
  const others: string[] = [];
  const jumps: number[] = [];
  for (const rule of rules) {
    if (rule === jump) jumps.push(others.length);
    (isOurs(place, rule) ? ours : others).push(rule);
  }
  return { ours, others, jumps };
}

/** Early flannel put its rules directly into the built-in chain; their comment identifies them. */
function isOurs(place: ChainPlace, rule: string): boolean {
  return rule.includes(commentText(place)) || rule.endsWith(` -j ${place.name}`);
}

/** The position for the jump among the other rules, or null when its present one is correct. */
function jumpIndex(place: ChainPlace, { ours, others, jumps }: Builtin): number | null {
  const end = others.findIndex((rule) => catchesEverything(place, rule));
  const lastUseful = end < 0 ? others.length : end;
  const first = jumps[0];
  if (first === undefined || first > lastUseful) return lastUseful;
  return ours.length === 1 ? null : first;
}

/**
 * A rule with a verdict on every packet, as the "-j REJECT" at the end of many chains: rules behind it are never
 * reached.
 */
function catchesEverything(place: ChainPlace, rule: string): boolean {
  const specification = rule
    .slice(`-A ${place.builtin} `.length)
    .replace(/^-m comment --comment (?:"(?:[^"\\]|\\.)*"|\S+) /, "");
  return /^-j (?:ACCEPT|DROP|REJECT|RETURN|MASQUERADE)(?: --|$)/.test(specification);
}

function deletions(rules: readonly string[]): string[] {
  return rules.map((rule) => rule.replace(/^-A /, "-D "));
}
