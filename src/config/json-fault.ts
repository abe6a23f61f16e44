/**
 * Finds the place of a syntax error in JSON text, so that an error can name the line in a ConfigMap: `JSON.parse` of
 * Node 20 gives it for some faults only. It also limits nesting, which can overflow the stack of JSON.parse and
 * JSON.stringify.
 */
export interface JsonFault {
  /** Index into the text, in UTF-16 units. */
  readonly offset: number;
  readonly reason: string;
}

/** Null when the text is one JSON value (RFC 8259) nested at most `maxDepth` deep. */
export function findJsonFault(text: string, maxDepth: number): JsonFault | null {
  const closers: ("}" | "]")[] = [];
  let expected: "value" | "first element" | "first key" | "key" | "colon" | "rest" = "value";
  let offset = 0;
  for (;;) {
    offset = skipBlanks(text, offset);
    const character = text[offset];
    const closer = closers.at(-1);

    if (expected === "rest") {
      if (closer === undefined && character === undefined) return null;
      if (closer === undefined) return faultAt(text, offset, "expected the end of the text");
      if (character === closer) closers.pop();
      else if (character === ",") expected = closer === "}" ? "key" : "value";
      else return faultAt(text, offset, `expected "," or "${closer}"`);
      offset += 1;
    } else if (expected === "colon") {
      if (character !== ":") return faultAt(text, offset, 'expected ":"');
      expected = "value";
      offset += 1;
    } else if (
      (expected === "first key" && character === "}") ||
      (expected === "first element" && character === "]")
    ) {
      closers.pop();
      expected = "rest";
      offset += 1;
    } else if (expected === "key" || expected === "first key") {
      const end = skip(STRING, text, offset);
      if (end === offset && character === '"') return stringFault(text, offset);
      if (end === offset) return faultAt(text, offset, "expected a key in double quotes");
      expected = "colon";
      offset = end;
    } else if (character === "{" || character === "[") {
      if (closers.length >= maxDepth) return faultAt(text, offset, `nested more than ${maxDepth} deep`);
      closers.push(character === "{" ? "}" : "]");
      expected = character === "{" ? "first key" : "first element";
      offset += 1;
    } else {
      const end = skip(character === '"' ? STRING : LITERAL, text, offset);
      if (end === offset && character === '"') return stringFault(text, offset);
      if (end === offset) return faultAt(text, offset, "expected a value");
      expected = "rest";
      offset = end;
    }
  }
}

function faultAt(text: string, offset: number, reason: string): JsonFault {
  return { offset, reason: reason + foundInstead(text, offset) };
}

/** Characters that word processors, web pages and Windows put in place of JSON's. */
const NAMES: ReadonlyMap<number, string> = new Map([
  [0x00a0, "no-break space"],
  [0x2013, "dash"],
  [0x2014, "dash"],
  [0x2018, "typographic quotation mark"],
  [0x2019, "typographic quotation mark"],
  [0x201a, "typographic quotation mark"],
  [0x201c, "typographic quotation mark"],
  [0x201d, "typographic quotation mark"],
  [0x201e, "typographic quotation mark"],
  [0x00ab, "typographic quotation mark"],
  [0x00bb, "typographic quotation mark"],
  [0x2033, "double prime"],
  [0x200b, "zero-width space"],
  [0x202f, "narrow no-break space"],
  [0x2212, "minus sign"],
  [0x3000, "ideographic space"],
  [0xfeff, "byte-order mark"],
  [0xff0c, "full-width comma"],
  [0xff1a, "full-width colon"],
  [0xff02, "full-width quotation mark"],
  [0xfffd, "replacement character: the text is not UTF-8"],
]);

/** Names a character that an editor may hide or show like another; the others are visible at the column. */
function foundInstead(text: string, offset: number): string {
  const code = text.codePointAt(offset);
  if (code === undefined || (code > 0x20 && code < 0x7f)) return "";
  const hex = code.toString(16).toUpperCase().padStart(4, "0");
  const name = NAMES.get(code);
  return `, found U+${hex}${name === undefined ? "" : ` (${name})`}`;
}

/** The fault in a string that begins at `offset`. */
function stringFault(text: string, offset: number): JsonFault {
  const end = skip(STRING_START, text, offset);
  const reason =
    text[end] === "\\" ? "no such escape in a string" : "expected the string to end before the line does";
  return faultAt(text, end, reason);
}

/** Line and column of an offset, both from 1. */
export function lineAndColumn(text: string, offset: number): string {
  const before = text.slice(0, offset).split("\n");
  return `line ${before.length}, column ${(before.at(-1)?.length ?? 0) + 1}`;
}

const LITERAL = /true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
// Control characters (below U+0020) must be escaped in a string.
const STRING = /"(?:[ !#-[\]-\uffff]|\\(?:["\\/bfnrt]|u[\da-fA-F]{4}))*"/y;
const STRING_START = /"(?:[ !#-[\]-\uffff]|\\(?:["\\/bfnrt]|u[\da-fA-F]{4}))*/y;

/** The offset after the match of `token` at `offset`; `offset` itself without a match. */
function skip(token: RegExp, text: string, offset: number): number {
  token.lastIndex = offset;
  return token.test(text) ? token.lastIndex : offset;
}

function skipBlanks(text: string, offset: number): number {
  let at = offset;
  for (;;) {
    const code = text.charCodeAt(at);
    if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) return at;
    at += 1;
  }
}
