/** The keys in etcd, and ranges of keys. */

export interface KeyRange {
  readonly first: Buffer;
  /** Exclusive; null for the one key `first`. */
  readonly end: Buffer | null;
  /** Common prefix of the keys in the range; entries are named without it. */
  readonly prefix: string;
}

export class EtcdKeys {
  readonly config: string;
  /** Ends in a slash, unlike flannel's, to exclude `<prefix>/subnets2/…`. */
  readonly subnets: string;

  /** @param prefix without a slash at its end */
  constructor(prefix: string) {
    this.config = `${prefix}/config`;
    this.subnets = `${prefix}/subnets/`;
  }

  lease(key: string): Buffer {
    return Buffer.from(this.subnets + key);
  }
}

export function singleKey(key: string): KeyRange {
  return { first: Buffer.from(key), end: null, prefix: key };
}

/** @param prefix ends in an ASCII character, so that its successor is one too */
export function keysUnder(prefix: string): KeyRange {
  const first = Buffer.from(prefix);
  const end = Buffer.from(prefix);
  end[end.length - 1] = (end.at(-1) ?? 0) + 1;
  return { first, end, prefix };
}

/**
 * The range fields of a request. A single key has no end: etcd 3.4 takes an empty end for "every key from here
 * on" (mvcc/index.go).
 */
export function rangeFields({ first, end }: Pick<KeyRange, "first" | "end">) {
  return end === null ? { key: first } : { key: first, range_end: end };
}

/** The smallest key after this one. */
export function successor(key: Buffer): Buffer {
  return Buffer.concat([key, Buffer.of(0)]);
}
