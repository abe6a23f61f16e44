/**
 * Which inner sources each tunnel end may send, as sets of pairs: the datagram's source and the subnet behind it; and the
 * tunnel ends alone, to tell an unknown sender from a forged inner source. nft has no type but a number for the inner
 * source, which it reads as raw bits.
 */
import {
  type Family,
  familyOf,
  parsePrefix,
  prefixFamily,
  prefixLength,
  prefixRange,
} from "../../../net/index.ts";
import type { PacketFilter, TunnelSender } from "../packet-origins.ts";
import { rawMaskOf, usualLength } from "./prefix-sets.ts";
import { addressesType, SOURCE_ADDRESS } from "./source-address.ts";

/** Of one kind of tunnel and one family. */
export class SenderSets {
  readonly #pairs: string;
  readonly #otherPairs: string;
  readonly #pair: string;
  readonly #ends: string;
  readonly #family: Family;

  /**
   * @param tunnel "vxlan"
   * @param innerSource the inner source address, as an expression of nft
   * @param ends name of the set of tunnel ends
   */
  constructor(tunnel: string, family: Family, innerSource: string, ends: string) {
    this.#pairs = `${tunnel}-senders-${family}`;
    this.#otherPairs = `${tunnel}-other-senders-${family}`;
    this.#pair = `${SOURCE_ADDRESS[family]} . ${innerSource}`;
    this.#ends = ends;
    this.#family = family;
  }

  declarations(): string[] {
    return [
      ...[`set ${this.#pairs} {`, `typeof ${this.#pair}`, "}"],
      ...[`set ${this.#otherPairs} {`, `typeof ${this.#pair}`, "flags interval", "}"],
      ...[`set ${this.#ends} {`, addressesType(this.#family), "}"],
    ];
  }

  elements(
    senders: readonly TunnelSender[],
    subnets: PacketFilter["subnets"],
  ): [string, ReadonlySet<string>][] {
    const family = this.#family;
    const length = usualLength(subnets[family], family);
    const pairs = new Set<string>();
    const otherPairs = new Set<string>();
    const ends = new Set<string>();
    for (const sender of senders) {
      const { outer, inner } = sender;
      if (familyOf(outer) !== family || prefixFamily(inner) !== family) continue;
      if (prefixLength(inner) === length) pairs.add(senderElement(sender));
      else otherPairs.add(rangeElement(sender));
      ends.add(outer);
    }
    return [
      [this.#pairs, pairs],
      [this.#otherPairs, otherPairs],
      [this.#ends, ends],
    ];
  }

  /** Matches of what a sender may send. */
  matches(subnets: PacketFilter["subnets"]): readonly string[] {
    const mask = rawMaskOf(usualLength(subnets[this.#family], this.#family), this.#family);
    return [`${this.#pair} & ${mask} @${this.#pairs}`, `${this.#pair} @${this.#otherPairs}`];
  }

  /** Matches of a datagram from no tunnel end, and of one from any. */
  get unknownEnd(): string {
    return `${SOURCE_ADDRESS[this.#family]} != @${this.#ends}`;
  }

  get knownEnd(): string {
    return `${SOURCE_ADDRESS[this.#family]} @${this.#ends}`;
  }
}

/** Separators that no element of another set has. */
const BEHIND = " <- ";
const RANGE_BEHIND = " <= ";

function senderElement({ outer, inner }: TunnelSender): string {
  return `${outer}${BEHIND}${inner}`;
}

function rangeElement({ outer, inner }: TunnelSender): string {
  return `${outer}${RANGE_BEHIND}${inner}`;
}

/** A subnet is written as its first number, or as the range of its numbers. */
export function formatSender(element: string): string {
  const isRange = element.includes(RANGE_BEHIND);
  const [outer = "", inner] = element.split(isRange ? RANGE_BEHIND : BEHIND);
  if (inner === undefined) return element;
  const { first, last } = prefixRange(parsePrefix(inner));
  return `${outer} . 0x${first.toString(16)}${isRange ? `-0x${last.toString(16)}` : ""}`;
}
