/**
 * Resolves which lease holds a value that must be unique in the cluster, such as a public address or a MAC. The oldest
 * holder wins. An owner may rewrite its lease at any time, so the age of its subnet is not the age of its values:
 * holders are carried over from snapshot to snapshot, and from one daemon of this host to the next: the lease that this
 * node saw first with a value holds it. Where nothing was carried over the age of the claims decides. Pure.
 */

/** From unique value to the key of the lease that holds it. */
export type Holders = ReadonlyMap<string, string>;

/** The unique values of one lease. */
export interface Publisher {
  /** Of the lease. */
  readonly key: string;
  readonly values: readonly string[];
}

/** @param known those carried over, null without any; @param oldestFirst by age of the claims */
export function resolveHolders(known: Holders | null, oldestFirst: readonly Publisher[]): Holders {
  const holders = new Map<string, string>();
  for (const { key, values } of oldestFirst) {
    for (const value of values) {
      if (!holders.has(value) || known?.get(value) === key) holders.set(value, key);
    }
  }
  return holders;
}

/**
 * The values that `own` should give up, each with the lease to give it to: values that another lease holds, and those
 * that a node starting now would assign to an older lease. At a start any other publisher may have been first.
 */
export function contestedValues(
  own: Publisher,
  holders: Holders,
  oldestFirst: readonly Publisher[],
  isStart: boolean,
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
      if (isOlder || isStart || holders.get(value) === key) others.set(value, key);
    }
  }
  return others;
}
