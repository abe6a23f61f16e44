/**
 * Scripts for `nft -f -`. Each is one transaction of the kernel: a packet meets either the old rules or the new ones.
 */
import { isDeepStrictEqual } from "node:util";
import { type NftTable, type NftTableId, tableKey } from "./table.ts";

/** Replaces a table of this name. */
export function replaceTable(table: NftTable): string[] {
  const { sets, chains } = table;
  const lines = [...removeTable(table), `table ${tableKey(table)} {`, ...sets, ...chains, "}"];
  for (const [set, elements] of table.elements) lines.push(...command("add", table, set, [...elements]));
  return lines;
}

/**
 * Takes over a table that an earlier process may have left, under these settings or others, in two transactions for the
 * reason that {@link rebuildTable} gives. The kernel refuses it for a table with another layout.
 */
export function takeOverTable(table: NftTable): string[][] {
  const { sets, chains, others } = table;
  const key = tableKey(table);
  const obsolete = others.sets.flatMap((line) => /^set (\S+) \{$/.exec(line)?.[1] ?? []);
  const fill = [...table.elements].flatMap(([set, elements]) => [
    `flush set ${key} ${set}`,
    ...command("add", table, set, [...elements]),
  ]);
  // Only existing objects can be deleted, and to declare an existing one is no error.
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
 * Changes an existing table to one with other sets or chains, in two transactions. The kernel puts new rules into force
 * before the elements of a new set of intervals (nft_pipapo_commit comes last), and a lookup in between finds nothing.
 * So the first transaction fills the sets, and the second switches the rules to them. Counters are preserved.
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

/**
 * The objects of a table, chains first, since they may refer to sets: "chain input", "set peers", "counter refused".
 */
function namesOf({ chains, sets }: NftTable): string[] {
  return [...chains, ...sets].flatMap((line) => /^((?:chain|set|counter) \S+) \{$/.exec(line)?.[1] ?? []);
}

/**
 * Deletes the table whether it exists or not: only an existing table can be deleted, and to add one again is no error.
 */
export function removeTable(table: NftTableId): string[] {
  return [`add table ${tableKey(table)}`, `delete table ${tableKey(table)}`];
}

/** Replaces a set's elements, some of which may have timed out: to delete an absent element would be an error. */
export function refillSet(table: NftTableId, set: string, elements: readonly string[]): string[] {
  const key = tableKey(table);
  return [`flush set ${key} ${set}`, `add element ${key} ${set} { ${elements.join(", ")} }`];
}

/** Changes one table to another with the same sets and chains: only elements that differ. */
export function changeElements(from: NftTable, to: NftTable): string[] {
  // An interval is deleted before one that overlaps it is added.
  return [...elementsOnlyIn("delete", from, to), ...elementsOnlyIn("add", to, from)];
}

/** Adds or deletes what `table` has and `other` lacks, in sets that `table` and the kernel have. */
function elementsOnlyIn(verb: "add" | "delete", table: NftTable, other: NftTable): string[] {
  return [...table.elements].flatMap(([set, elements]) => {
    const there = other.elements.get(set);
    // A deleted set's elements are deleted with it.
    if (verb === "delete" && there === undefined) return [];
    return command(verb, table, set, missingIn(there ?? new Set(), elements));
  });
}

function missingIn(set: ReadonlySet<string>, candidates: ReadonlySet<string>): string[] {
  const missing: string[] = [];
  for (const element of candidates) if (!set.has(element)) missing.push(element);
  return missing;
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
