/**
 * Resolves which lease holds a value that must be unique in the cluster, such as a public address or a MAC. The oldest
 * holder wins. An owner may rewrite its lease at any time, so the age of its subnet is not the age of its values:
 * holders are carried over from snapshot to snapshot, and from one daemon of this host to the next: the lease that this
 * node saw first with a value holds it. Where nothing was carried over the age of the claims decides.
 */

/** From unique value to the key of the lease that holds it. */
export interface Holders extends Iterable<readonly [value: string, key: string]> {
  get(value: string): string | undefined;
}

/** The unique values of one lease. */
export interface Publisher {
  /** Of the lease. */
  readonly key: string;
  readonly values: readonly string[];
}

interface Holder {
  key: string;
  /** Of the round before; null for a value that nobody published then. */
  formerKey: string | null;
  /** In which the value was last published. */
  round: number;
}

/** Updated in place: a new table of the values of thousands of leases would cost more than what has changed in it. */
export class HolderTable implements Holders {
  readonly #holders = new Map<string, Holder>();
  #round = 0;

  /** @param known those carried over, null without any */
  constructor(known: Holders | null) {
    for (const [value, key] of known ?? []) this.#holders.set(value, { key, formerKey: null, round: 0 });
  }

  get(value: string): string | undefined {
    return this.#holders.get(value)?.key;
  }

  *[Symbol.iterator](): Generator<readonly [string, string], void> {
    for (const [value, { key }] of this.#holders) yield [value, key];
  }

  /** A value stays with the lease that has it; one that this no longer publishes goes to the oldest that does. */
  update(oldestFirst: readonly Publisher[]): void {
    this.#round += 1;
    for (const { key, values } of oldestFirst) for (const value of values) this.#publish(value, key);
    this.#holders.forEach(({ round }, value) => {
      if (round !== this.#round) this.#holders.delete(value);
    });
  }

  #publish(value: string, key: string): void {
    const round = this.#round;
    const holder = this.#holders.get(value);
    if (holder === undefined) {
      this.#holders.set(value, { key, formerKey: null, round });
    } else if (holder.round !== round) {
      holder.formerKey = holder.key;
      holder.key = key;
      holder.round = round;
    } else if (holder.formerKey === key) {
      holder.key = key;
    }
  }
}

/**
 * The values that `own` should give up, each with the lease to give it to: values that another lease holds, and those
 * that a node starting now would assign to an older lease. Of a value that peers do not know as its own yet, any other
 * publisher may have been first.
 * @param isKnown whether peers know it
 */
export function contestedValues(
  own: Publisher,
  holders: Holders,
  oldestFirst: readonly Publisher[],
  isKnown: (value: string) => boolean,
): ReadonlyMap<string, string> {
  const wanted = new Set(own.values);
  const others = new Map<string, string>();
  let isOlder = true;
  for (const { key, values } of oldestFirst) {
    if (key === own.key) {
      isOlder = false;
      continue;
    }
    for (const value of values) {
      if (!wanted.has(value) || others.has(value)) continue;
      if (isOlder || holders.get(value) === key || !isKnown(value)) others.set(value, key);
    }
  }
  return others;
}
