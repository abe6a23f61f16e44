/** Parsed output of iptables-save: tables, their chains, and the rules of each in order. */

export interface SavedTable {
  /** Rules by chain, each with its leading "-A CHAIN"; a chain without rules has an empty list. */
  readonly chains: ReadonlyMap<string, readonly string[]>;
}

export type SavedTables = ReadonlyMap<string, SavedTable>;

/** Skips other lines, as the comments of iptables-nft-save. */
export function parseSavedTables(text: string): SavedTables {
  const tables = new Map<string, { readonly chains: Map<string, string[]> }>();
  let chains = new Map<string, string[]>();
  for (const line of text.split("\n")) {
    const [, kind, name = ""] = /^(\*|:|-A )([^\s]+)/.exec(line) ?? [];
    if (kind === "*") {
      chains = new Map();
      tables.set(name, { chains });
    } else if (kind === ":") {
      chains.set(name, []);
    } else if (kind === "-A ") {
      chains.get(name)?.push(line.trimEnd());
    }
  }
  return tables;
}
