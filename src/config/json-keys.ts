/** Every occurrence of a key in JSON text: JSON.parse retains only the last of repeated keys. */
export interface JsonKey {
  readonly key: string;
  /** Keys of the enclosing objects, outermost first; array elements have none. */
  readonly path: readonly string[];
  /** Distinguishes objects with the same path, such as two elements of one array. */
  readonly object: number;
}

/** An object or array that has begun. */
interface Open {
  /** -1 for an array. */
  readonly object: number;
  readonly path: readonly string[];
}

/** @param text valid JSON */
export function jsonKeys(text: string): readonly JsonKey[] {
  const keys: JsonKey[] = [];
  const open: Open[] = [];
  let objects = 0;
  let lastString: readonly [start: number, end: number] | null = null;
  let nextName: string | null = null;
  for (let at = 0; at < text.length; at++) {
    const character = text[at];
    if (character === '"') {
      const end = endOfString(text, at);
      lastString = [at, end];
      at = end - 1;
    } else if (character === "{" || character === "[") {
      const outer = open.at(-1)?.path ?? [];
      open.push({
        object: character === "{" ? objects++ : -1,
        path: nextName === null ? outer : [...outer, nextName],
      });
      nextName = null;
    } else if (character === "}" || character === "]") {
      open.pop();
      nextName = null;
    } else if (character === ":" && lastString !== null) {
      const inner = open.at(-1);
      if (inner === undefined) continue;
      const key = keyOf(text, ...lastString);
      keys.push({ key, path: inner.path, object: inner.object });
      nextName = key;
    }
  }
  return keys;
}

/** The offset after the string that begins at `start`. */
function endOfString(text: string, start: number): number {
  for (let end = text.indexOf('"', start + 1); end >= 0; end = text.indexOf('"', end + 1)) {
    let backslashes = 0;
    while (text[end - 1 - backslashes] === "\\") backslashes += 1;
    if (backslashes % 2 === 0) return end + 1;
  }
  return text.length;
}

function keyOf(text: string, start: number, end: number): string {
  const inner = text.slice(start + 1, end - 1);
  return inner.includes("\\") ? (JSON.parse(text.slice(start, end)) as string) : inner;
}
