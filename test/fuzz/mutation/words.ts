/** What breaks readers of text, whatever they read. */

const text = (...units: readonly string[]): readonly string[] => units;
const bytes = (...values: readonly number[]): Uint8Array => Uint8Array.from(values);

/** As keys and as values. */
export const HOSTILE_NAMES: readonly string[] = text(
  "__proto__",
  "constructor",
  "prototype",
  "toString",
  "valueOf",
  "hasOwnProperty",
  "toJSON",
  "length",
  "then",
);

export const HOSTILE_NUMBERS: readonly string[] = text(
  "0",
  "-0",
  "-1",
  "1.5",
  "255",
  "256",
  "65535",
  "65536",
  "4294967295",
  "4294967296",
  "9007199254740993",
  "1e20",
  "1e308",
  "1e400",
  "-1e400",
  "5e-324",
  "0x10",
  "007",
  "99999999999999999999999999999999999999",
);

/**
 * Characters whose case, width or direction surprises: dotted I, sharp s, Kelvin sign and long s, which become ASCII
 * letters in another case; line separators; no-break space; byte-order mark; an override of direction; a character
 * beyond the BMP; Arabic digits.
 */
export const ODD_CHARACTERS: readonly string[] = text(
  "\u0130",
  "\u00df",
  "\u212a",
  "\u017f",
  "\u2028",
  "\u2029",
  "\u00a0",
  "\ufeff",
  "\u202e",
  "\u{1f4a9}",
  "\u0661",
  "\u0000",
  "\u001b[2J",
  "\u0085",
);

/** Not UTF-8: overlong, surrogate halves, cut off, beyond Unicode. */
const NOT_UTF8: readonly Uint8Array[] = [
  bytes(0xc0, 0x80),
  bytes(0xed, 0xa0, 0x80),
  bytes(0xe2, 0x80),
  bytes(0xf5, 0x80, 0x80, 0x80),
  bytes(0xff, 0xfe),
];

export const COMMON_WORDS: readonly (string | Uint8Array)[] = [
  ...HOSTILE_NAMES,
  ...HOSTILE_NUMBERS,
  ...ODD_CHARACTERS,
  ...NOT_UTF8,
  ...text(
    " ",
    "\n",
    "\r\n",
    "\t",
    '"',
    "\\",
    "\\u0000",
    "\\ud800",
    "'",
    "#",
    ",",
    ":",
    "[",
    "]",
    "{",
    "}",
    "=",
    "-",
  ),
  ...text("null", "true", "false", "NaN", "%s", "../", "/", "\u001e", "\u001f"),
];
