/** Every occurrence of a key in JSON text: JSON.parse retains only the last of repeated keys. */
export interface JsonKey {
  readonly key: string;
  /** Keys of the enclosing objects, outermost first; array elements have none. */
  readonly path: readonly string[];
  /** Distinguishes objects with the same path, such as two elements of one array. */
  readonly object: number;
}

const TOKEN = /"(?:[^"\\]|\\.)*"|[{}[\]:]/gs;

/** @param text valid JSON */
export function jsonKeys(text: string): readonly JsonKey[] {
  const keys: JsonKey[] = [];
  const open: { object: number; name: string | null }[] = [];
  let objects = 0;
  let lastString: string | null = null;
  let nextName: string | null = null;
  for (const [token] of text.matchAll(TOKEN)) {
    const inner = open.at(-1);
    if (token === "{" || token === "[") {
      open.push({ object: token === "{" ? objects++ : -1, name: nextName });
      nextName = null;
    } else if (token === "}" || token === "]") {
      open.pop();
      nextName = null;
    } else if (token === ":" && lastString !== null && inner !== undefined) {
      const key = JSON.parse(lastString) as string;
      keys.push({ key, path: open.flatMap(({ name }) => name ?? []), object: inner.object });
      nextName = key;
    }
    lastString = token.startsWith('"') ? token : null;
  }
  return keys;
}
