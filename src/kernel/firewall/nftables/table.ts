/** A table of nftables as data: sets and chains, which seldom change, and elements, which change without them. */

export interface NftTable extends NftTableId {
  /** The objects that rules refer to, in nft's own syntax, one statement on each line. No elements. */
  readonly sets: readonly string[];
  /** Chains with their rules, in the same form. */
  readonly chains: readonly string[];
  /** Objects that a table of this name has under other settings: sets in nft's syntax, and names of chains. */
  readonly others: { readonly sets: readonly string[]; readonly chains: readonly string[] };
  /** Elements by set. */
  readonly elements: ReadonlyMap<string, ReadonlySet<string>>;
  /** An element in nft's syntax. Called only for elements that change, few of thousands. */
  format(element: string): string;
}

export interface NftTableId {
  readonly family: "ip" | "ip6" | "inet";
  readonly name: string;
}

/** As in nft's commands, and a key for maps. */
export function tableKey({ family, name }: NftTableId): string {
  return `${family} ${name}`;
}
