/** A table of nftables as data: a fixed body, and sets whose elements change without the body. */

export interface NftTable extends NftTableId {
  /** Sets, chains and rules in nft's own syntax, one statement a line; no elements. */
  readonly body: readonly string[];
  /** Elements by set. */
  readonly elements: ReadonlyMap<string, ReadonlySet<string>>;
  /** How nft wants an element written; only for those that change, because of thousands few do. */
  spell(element: string): string;
}

export interface NftTableId {
  readonly family: "ip" | "ip6" | "inet";
  readonly name: string;
}

/** As in nft's commands, and a key for maps. */
export function tableKey({ family, name }: NftTableId): string {
  return `${family} ${name}`;
}
