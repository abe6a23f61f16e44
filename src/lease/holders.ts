/**
 * Who holds what only one node of a cluster may have, such as a public address or a MAC. The oldest holder wins. A
 * lease is rewritten by its owner at any time, so the age of its subnet says nothing of the age of what it publishes:
 * what counts is who had it when this node saw it first, from snapshot to snapshot. At a start nothing was seen yet,
 * and the order of the claims decides. Pure.
 */

/** By unique value, the key of the lease that holds it. */
export type Holders = ReadonlyMap<string, string>;

/** What one lease publishes that must be unique. */
export interface Publisher {
  /** Of the lease. */
  readonly key: string;
  readonly values: readonly string[];
}

/** @param known null at a start; @param oldestFirst in the order of the claims' age */
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
 * Which of `own`'s values it should give up, and for whom: what another lease holds, and what a node that starts now
 * would give to an older one. At a start any other publisher may have been first.
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
