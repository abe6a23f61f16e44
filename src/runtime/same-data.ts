import { isDeepStrictEqual } from "node:util";

/** As isDeepStrictEqual, several times as fast for plain objects and lists, which most data is. */
export function isSameData(one: unknown, other: unknown): boolean {
  if (Object.is(one, other)) return true;
  if (typeof one !== "object" || typeof other !== "object" || one === null || other === null) return false;
  const prototype = Object.getPrototypeOf(one);
  if (prototype !== Object.getPrototypeOf(other)) return false;
  if (prototype === Array.prototype) return isSameItems(one as unknown[], other as unknown[]);
  return prototype === Object.prototype ? isSameFields(one, other) : isDeepStrictEqual(one, other);
}

function isSameItems(one: readonly unknown[], other: readonly unknown[]): boolean {
  return one.length === other.length && one.every((item, index) => isSameData(item, other[index]));
}

function isSameFields(one: object, other: object): boolean {
  const keys = Object.keys(one);
  if (keys.length !== Object.keys(other).length) return false;
  return keys.every((key) => {
    return Object.hasOwn(other, key) && isSameData(one[key as never], other[key as never]);
  });
}
