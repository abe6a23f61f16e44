import { isDeepStrictEqual } from "node:util";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isSameData } from "../../../src/runtime/same-data.ts";

describe("same data", () => {
  it.each<[string, unknown, unknown]>([
    ["a field that is undefined, and none", { a: undefined }, {}],
    ["two fields that are undefined", { a: undefined }, { b: undefined }],
    ["a list, and an object with its items", ["a"], { 0: "a" }],
    ["a longer list", [1, undefined], [1]],
    ["null, and an object", null, {}],
    ["a number, and its text", { a: 1 }, { a: "1" }],
    ["zeros of other signs", [0], [-0]],
    ["no number", [Number.NaN], [Number.NaN]],
    ["an own field with the name of the prototype", JSON.parse('{"__proto__":{}}'), { a: {} }],
    ["an object without a prototype", Object.create(null), {}],
    ["equal sets", { a: new Set([1]) }, { a: new Set([1]) }],
    ["other sets", { a: new Set([1]) }, { a: new Set([2]) }],
    ["equal maps", [new Map([[1n, { b: 2 }]])], [new Map([[1n, { b: 2 }]])]],
    ["other bytes", Buffer.from("a"), Buffer.from("b")],
    ["other fields in another order", { a: 1, b: [{ c: 2n }] }, { b: [{ c: 2n }], a: 1 }],
  ])("agrees with isDeepStrictEqual on %s", (_, one, other) => {
    expect(isSameData(one, other)).toBe(isDeepStrictEqual(one, other));
    expect(isSameData(other, one)).toBe(isDeepStrictEqual(one, other));
  });

  it("agrees with isDeepStrictEqual on data that differs in a few places", () => {
    const data = fc.letrec((tie) => ({
      value: fc.oneof(
        { maxDepth: 3 },
        fc.constantFrom(null, 0, 1, 1n, "", "a", true),
        tie("list"),
        tie("object"),
      ),
      list: fc.array(tie("value"), { maxLength: 2 }),
      object: fc.dictionary(fc.constantFrom("a", "b", "__proto__"), tie("value"), {
        maxKeys: 2,
        noNullPrototype: true,
      }),
    })).value;
    const agrees = (one: unknown, other: unknown) => isSameData(one, other) === isDeepStrictEqual(one, other);
    fc.assert(fc.property(data, data, agrees));
    fc.assert(fc.property(data, (one) => agrees(one, structuredClone(one))));
  });
});
