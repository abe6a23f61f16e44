/**
 * Characters that a terminal interprets instead of showing them: control characters, including the escape of a
 * sequence, and those that reorder or hide text (bidirectional overrides, zero-width characters).
 */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;
const LAYOUT: ReadonlySet<string> = new Set(["\n", "\t"]);

/** Escapes untrusted text of several lines; line breaks and tabs stay. */
export function printable(text: string): string {
  return text.replace(UNPRINTABLE, (character) => (LAYOUT.has(character) ? character : escaped(character)));
}

/** Escapes one field of a line, such as a key of a store, including line breaks, which would begin another line. */
export function printableField(text: string): string {
  return text.replace(UNPRINTABLE, escaped);
}

/** JSON's escape sequence, so that JSON stays valid. */
function escaped(character: string): string {
  return Array.from({ length: character.length }, (_, index) => {
    const unit = character.charCodeAt(index);
    return `\\u${unit.toString(16).padStart(4, "0")}`;
  }).join("");
}
