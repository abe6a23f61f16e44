/** Keys as text, one character for each byte, which sorts as the bytes do; and spans of them. */

/** `end` is exclusive; null for the one key, "unbounded" for all keys from `first` on. */
export interface KeySpan {
  readonly first: string;
  readonly end: string | "unbounded" | null;
}

interface RangeFields {
  readonly key?: Buffer;
  readonly range_end?: Buffer;
}

/** As mkGteRange of etcd 3.4: an end of one zero byte, and an empty one that was sent, mean all keys from `key` on. */
export function spanOf({ key, range_end: end }: RangeFields): KeySpan {
  const first = textOf(key);
  if (end === undefined) return { first, end: null };
  const isUnbounded = end.length === 0 || (end.length === 1 && end[0] === 0);
  return { first, end: isUnbounded ? "unbounded" : textOf(end) };
}

export function isWithin(key: string, { first, end }: KeySpan): boolean {
  if (end === null) return key === first;
  return key >= first && (end === "unbounded" || key < end);
}

/** Whether every key of the inner span is in the outer one. */
export function covers(outer: KeySpan, inner: KeySpan): boolean {
  if (inner.end === null) return isWithin(inner.first, outer);
  if (outer.end === null || inner.first < outer.first) return false;
  return outer.end === "unbounded" || (inner.end !== "unbounded" && inner.end <= outer.end);
}

export function textOf(key: Uint8Array | undefined): string {
  return key === undefined ? "" : Buffer.from(key).toString("latin1");
}

export function bytesOf(key: string): Buffer {
  return Buffer.from(key, "latin1");
}
