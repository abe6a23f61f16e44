/**
 * The addresses of one family that a set of subnets covers, as sorted ranges that do not overlap. It
 * answers "is any of this taken?" in O(log n) for any number of leases of any lengths.
 */
import type { Prefix } from "../net/index.ts";
import { type AddressNumber, type Span, spanOf } from "../net/span.ts";

export class Coverage {
  readonly #ranges: Span[] = [];

  static of(prefixes: readonly Prefix[]): Coverage {
    const coverage = new Coverage();
    const ranges = prefixes.map(spanOf).sort((a, b) => Number(a.first > b.first) - Number(a.first < b.first));
    for (const range of ranges) coverage.#append(range);
    return coverage;
  }

  /** Covers `first..last` if all of it was free; otherwise returns false and changes nothing. */
  claim({ first, last }: Span): boolean {
    const index = this.#firstEndingFrom(first);
    const next = this.#ranges[index];
    if (next !== undefined && next.first <= last) return false;
    this.#ranges.splice(index, 0, { first, last });
    return true;
  }

  overlaps(prefix: Prefix): boolean {
    return this.lastTakenWithin(spanOf(prefix)) !== null;
  }

  /** The end of the first covered range that overlaps `first..last`, or null when all of it is free. */
  lastTakenWithin({ first, last }: Span): AddressNumber | null {
    const range = this.#ranges[this.#firstEndingFrom(first)];
    return range !== undefined && range.first <= last ? range.last : null;
  }

  /** Appends a range that begins no earlier than the ones before it. */
  #append(range: Span): void {
    const previous = this.#ranges.at(-1);
    if (previous === undefined || range.first > previous.last) this.#ranges.push(range);
    else if (range.last > previous.last) {
      this.#ranges[this.#ranges.length - 1] = { first: previous.first, last: range.last };
    }
  }

  /** Index of the first range that ends at `address` or later. */
  #firstEndingFrom(address: AddressNumber): number {
    let low = 0;
    let high = this.#ranges.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#ranges[middle] as Span).last < address) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
