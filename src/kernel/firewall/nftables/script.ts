/** Scripts for `nft -f -`, each one transaction of the kernel: packets meet the old state or the new one. */
import { type NftTable, type NftTableId, tableKey } from "./table.ts";

/** Puts the table in place of whatever has its name. */
export function replaceTable(table: NftTable): string[] {
  const lines = [...removeTable(table), `table ${tableKey(table)} {`, ...table.body, "}"];
  for (const [set, elements] of table.elements) lines.push(...command("add", table, set, [...elements]));
  return lines;
}

/** Deletes the table whether there is one or not: only what exists can be deleted, and to add is no error. */
export function removeTable(table: NftTableId): string[] {
  return [`add table ${tableKey(table)}`, `delete table ${tableKey(table)}`];
}

/** The way from one table to another with the same body: only elements that differ. */
export function changeElements(from: NftTable, to: NftTable): string[] {
  const deletions: string[] = [];
  const additions: string[] = [];
  for (const [set, wanted] of to.elements) {
    const have = from.elements.get(set) ?? new Set<string>();
    deletions.push(...command("delete", to, set, missingIn(wanted, have)));
    additions.push(...command("add", to, set, missingIn(have, wanted)));
  }
  // An interval goes before another that overlaps it comes.
  return [...deletions, ...additions];
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
    elements.map((element) => table.spell(element)).join(",\n"),
    "}",
  ];
}
