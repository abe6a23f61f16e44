/** Checks of values that were made from bytes of other origin. */
import { invariant } from "./target.ts";

const PROTOTYPES: ReadonlySet<unknown> = new Set([
  null,
  Object.prototype,
  Array.prototype,
  Map.prototype,
  Set.prototype,
  Uint8Array.prototype,
  Buffer.prototype,
]);

/** Fails where an object inherits from anything else than a built-in prototype: a key `__proto__` may have set it. */
export function expectPlain(value: unknown): void {
  const pending: unknown[] = [value];
  while (pending.length > 0) {
    const next = pending.pop();
    if (typeof next !== "object" || next === null) {
      invariant(typeof next !== "function", "data has no functions");
      continue;
    }
    invariant(PROTOTYPES.has(Object.getPrototypeOf(next)), "data inherits from built-in prototypes only");
    if (next instanceof Uint8Array) continue;
    if (next instanceof Map) for (const [key, each] of next) pending.push(key, each);
    else if (next instanceof Set) pending.push(...next);
    else for (const key of Object.keys(next)) pending.push((next as Record<string, unknown>)[key]);
  }
}

/** Fails where a text for an operator is longer than the bound. */
export function expectShort(texts: Iterable<string>, maxLength: number, what: string): void {
  for (const text of texts)
    invariant(text.length <= maxLength, `${what} has at most ${maxLength} characters`);
}
