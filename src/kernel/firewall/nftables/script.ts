/** Scripts for `nft -f -`, each one transaction of the kernel: packets meet the old rules or the new ones. */
import { isDeepStrictEqual } from "node:util";
import { type NftTable, type NftTableId, tableKey } from "./table.ts";

/** Replaces any table of that name. */
export function replaceTable(table: NftTable): string[] {
  const { sets, chains } = table;
  const lines = [...removeTable(table), `table ${tableKey(table)} {`, ...sets, ...chains, "}"];
  for (const [set, elements] of table.elements) lines.push(...command("add", table, set, [...elements]));
  return lines;
}

/**
 * From a table that may or may not be there, of which nothing is known but that it was made by these settings or by
 * others, in two transactions for the reason that {@link rebuildTable} gives. Refused where it is of another make.
 */
export function takeOverTable(table: NftTable): string[][] {
  const { sets, chains, others } = table;
  const key = tableKey(table);
  const obsolete = others.sets.flatMap((line) => /^set (\S+) \{$/.exec(line)?.[1] ?? []);
  const fill = [...table.elements].flatMap(([set, elements]) => [
    `flush set ${key} ${set}`,
    ...command("add", table, set, [...elements]),
  ]);
  // Only what exists can be deleted, and to declare what is there is no error.
  const declared = [...others.sets, ...others.chains.map((chain) => `chain ${chain} { }`)];
  const removed = [
    ...others.chains.map((chain) => `delete chain ${key} ${chain}`),
    ...obsolete.map((set) => `delete set ${key} ${set}`),
  ];
  return [
    [`table ${key} {`, ...sets, "}", ...fill],
    [`table ${key} {`, ...declared, "}", `flush table ${key}`, ...removed, `table ${key} {`, ...chains, "}"],
  ];
}

/**
 * From a table that stands to one of other sets or chains, in two transactions. The kernel puts new rules into force
 * before the elements of a new set of intervals (nft_pipapo_commit comes last), and what looks into it in between finds
 * nothing: so sets are filled first, and rules turn to them when they stand. What was counted stays.
 */
export function rebuildTable(from: NftTable, to: NftTable): string[][] {
  const key = tableKey(to);
  const declared = isDeepStrictEqual(from.sets, to.sets) ? [] : [`table ${key} {`, ...to.sets, "}"];
  const kept = new Set(namesOf(to));
  const obsolete = namesOf(from).filter((name) => !kept.has(name));
  return [
    [...declared, ...elementsOnlyIn("add", to, from)],
    [
      `flush table ${key}`,
      ...obsolete.map((name) => `delete ${name.replace(" ", ` ${key} `)}`),
      ...[`table ${key} {`, ...to.chains, "}"],
      ...elementsOnlyIn("delete", from, to),
    ],
  ];
}

/** What a table declares, chains first, for they may look into sets: "chain input", "set peers", "counter refused". */
function namesOf({ chains, sets }: NftTable): string[] {
  return [...chains, ...sets].flatMap((line) => /^((?:chain|set|counter) \S+) \{$/.exec(line)?.[1] ?? []);
}

/** Deletes the table whether there is one or not: only what exists can be deleted, and to add is no error. */
export function removeTable(table: NftTableId): string[] {
  return [`add table ${tableKey(table)}`, `delete table ${tableKey(table)}`];
}

/** Also for a set of which some elements have timed out: only existing elements can be deleted. */
export function refillSet(table: NftTableId, set: string, elements: readonly string[]): string[] {
  const key = tableKey(table);
  return [`flush set ${key} ${set}`, `add element ${key} ${set} { ${elements.join(", ")} }`];
}

/** The way from one table to another with the same sets and chains: only elements that differ. */
export function changeElements(from: NftTable, to: NftTable): string[] {
  // An interval goes before another that overlaps it comes.
  return [...elementsOnlyIn("delete", from, to), ...elementsOnlyIn("add", to, from)];
}

/** Adds or deletes what `table` has and `other` lacks, in sets that `table` and the kernel have. */
function elementsOnlyIn(verb: "add" | "delete", table: NftTable, other: NftTable): string[] {
  return [...table.elements].flatMap(([set, elements]) => {
    const there = other.elements.get(set);
    // A set that goes takes its elements along.
    if (verb === "delete" && there === undefined) return [];
    return command(verb, table, set, missingIn(there ?? new Set(), elements));
  });
}

function missingIn(set: ReadonlySet<string>, candidates: ReadonlySet<string>): string[] {
  return [...candidates].filter((element) => !set.has(element));
}

function command(
  verb: "add" | "delete",
  table: NftTable,
  set: string,
  elements: readonly string[],
): string[] {
  if (elements.length === 0) return [];
  return [
    `${verb} element ${tableKey(table)} ${set} {`,
    elements.map((element) => table.format(element)).join(",\n"),
    "}",
  ];
}
