/** The value with numbers as JSON writes them: -0 is written as 0, and a number that has overflowed as null. */
export function asWritten(value: unknown): unknown {
  if (typeof value === "number") return Number.isFinite(value) ? value + 0 : null;
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(asWritten);
  const copy = Object.create(Object.getPrototypeOf(value)) as object;
  for (const [key, member] of Object.entries(value)) {
    const fields = { value: asWritten(member), enumerable: true, writable: true, configurable: true };
    Object.defineProperty(copy, key, fields);
  }
  return copy;
}
