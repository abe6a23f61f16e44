import { describe, expect, it } from "vitest";
import { findJsonFault, lineAndColumn } from "../../../src/config/json-fault.ts";

describe("findJsonFault", () => {
  it.each(["{}", "[]", " [1, -2.5e+3, true, null] ", '{"a": {"b": [""]}}', '"\\u00e9\\n"', "0"])(
    "accepts %s",
    (text) => {
      expect(findJsonFault(text, 8)).toBeNull();
    },
  );

  it.each([
    ["{", 1, "expected a key in double quotes"],
    ["{'a': 1}", 1, "expected a key in double quotes"],
    ['{"a" 1}', 5, 'expected ":"'],
    ['{"a": }', 6, "expected a value"],
    ['{"a": 1 "b": 2}', 8, 'expected "," or "}"'],
    ['{"a": 1,}', 8, "expected a key in double quotes"],
    ["[1,]", 3, "expected a value"],
    ["[1}", 2, 'expected "," or "]"'],
    ["[01]", 2, 'expected "," or "]"'],
    ["nul", 0, "expected a value"],
    ['"a\nb"', 2, "expected the string to end before the line does, found U+000A"],
    ['{"a', 3, "expected the string to end before the line does"],
    ['"\\x"', 1, "no such escape in a string"],
    ["1 2", 2, "expected the end of the text"],
    ["\u00a01", 0, "expected a value, found U+00A0 (no-break space)"],
    // Go's parser refuses it as well: "invalid character 'ï' looking for beginning of value".
    ["\ufeff{}", 0, "expected a value, found U+FEFF (byte-order mark)"],
    ["{\u201ca\u201d: 1}", 1, "expected a key in double quotes, found U+201C (typographic quotation mark)"],
    ['{"a": \u2018b\u2019}', 6, "expected a value, found U+2018 (typographic quotation mark)"],
    ['{"a"\uff1a 1}', 4, 'expected ":", found U+FF1A (full-width colon)'],
    ['{"a":\u00a01}', 5, "expected a value, found U+00A0 (no-break space)"],
    ['{"a": 1\u200b}', 7, 'expected "," or "}", found U+200B (zero-width space)'],
    ["\u{1f600}", 0, "expected a value, found U+1F600"],
    ["\u0000", 0, "expected a value, found U+0000"],
  ])("finds the fault in %j", (text, offset, reason) => {
    expect(findJsonFault(text, 8)).toEqual({ offset, reason });
  });

  it("bounds nesting", () => {
    expect(findJsonFault("[[[]]]", 3)).toBeNull();
    expect(findJsonFault('[[{"a":[]}]]', 3)).toEqual({ offset: 7, reason: "nested more than 3 deep" });
  });
});

it("counts lines and columns from 1", () => {
  expect(lineAndColumn("a\nbc", 0)).toBe("line 1, column 1");
  expect(lineAndColumn("a\nbc", 3)).toBe("line 2, column 2");
});
