/** A table of nftables as data: sets and chains that seldom change, and elements that do without them. */

export interface NftTable extends NftTableId {
  /** In nft's own syntax, one statement a line: what rules stand on. No elements. */
  readonly sets: readonly string[];
  /** As `sets`, with the rules in them. */
  readonly chains: readonly string[];
  /** What a table of this name may hold besides, by other settings: sets in nft's syntax, and names of chains. */
  readonly others: { readonly sets: readonly string[]; readonly chains: readonly string[] };
  /** Elements by set. */
  readonly elements: ReadonlyMap<string, ReadonlySet<string>>;
  /** How nft wants an element written; only for those that change, because of thousands few do. */
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
