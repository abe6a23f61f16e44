/**
 * A key of several parts, for maps with thousands of keys. V8 stores a text that a template builds as a pair of its
 * parts, and retains the pair beside the text that a map needs; `join` builds only the text.
 */
export function joinedKey(...parts: readonly (string | number | null)[]): string {
  return parts.join(" ");
}
