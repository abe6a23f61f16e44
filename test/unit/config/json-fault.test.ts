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
    ['"a\nb"', 0, "expected a value"],
    ['"\\x"', 0, "expected a value"],
    ["1 2", 2, "expected the end of the text"],
    ["\u00a01", 0, "expected a value"],
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
