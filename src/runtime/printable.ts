/**
 * Characters that a terminal acts on instead of showing them: control characters, among them the escape that begins a
 * sequence, and those that turn or hide text (bidirectional overrides, zero-width characters).
 */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;
const LAYOUT: ReadonlySet<string> = new Set(["\n", "\t"]);

/** Text of several lines, of which anybody may have written a part: line breaks and tabs stay. */
export function printable(text: string): string {
  return text.replace(UNPRINTABLE, (character) => (LAYOUT.has(character) ? character : escaped(character)));
}

/** One field of a line, such as a key of a store: a line break in it would begin another line. */
export function printableField(text: string): string {
  return text.replace(UNPRINTABLE, escaped);
}

/** As JSON spells it, so that JSON stays JSON. */
function escaped(character: string): string {
  return Array.from({ length: character.length }, (_, index) => {
    const unit = character.charCodeAt(index);
    return `\\u${unit.toString(16).padStart(4, "0")}`;
  }).join("");
}
