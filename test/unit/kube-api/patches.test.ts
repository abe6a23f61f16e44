/** The stand-in's patches; `test/cluster/differential` holds them against a real server's. */
import { describe, expect, test } from "vitest";
import type { JsonObject, JsonValue } from "../../../src/runtime/json.ts";
import { jsonPatch } from "../../support/kube-api/json-patch.ts";
import { mergePatch } from "../../support/kube-api/merge-patch.ts";
import { strategicMerge } from "../../support/kube-api/strategic-merge.ts";

const condition = (type: string, status = "True"): JsonObject => ({ type, status });

describe("a strategic merge patch", () => {
  const conditions = (...types: readonly string[]) => ({ conditions: types.map((type) => condition(type)) });
  const merged = (patch: JsonObject, ...types: readonly string[]) =>
    strategicMerge(conditions(...types), patch).conditions;

  test("puts a new item before those that it cannot be compared with", () => {
    expect(merged(conditions("New"), "A", "B")).toEqual([condition("New"), condition("A"), condition("B")]);
  });

  test("changes an item where it is, and adds what it lacks", () => {
    const patch = { conditions: [{ type: "B", reason: "x" }] };
    expect(merged(patch, "A", "B", "C")).toEqual([
      condition("A"),
      { ...condition("B"), reason: "x" },
      condition("C"),
    ]);
  });

  test("orders what it names as it names it", () => {
    expect(merged(conditions("C", "A"), "A", "B", "C")).toEqual([
      condition("B"),
      condition("C"),
      condition("A"),
    ]);
  });

  test("deletes and replaces by directives", () => {
    expect(merged({ conditions: [{ $patch: "delete", type: "A" }] }, "A", "B")).toEqual([condition("B")]);
    expect(merged({ conditions: [{ $patch: "replace" }, condition("X")] }, "A", "B")).toEqual([
      condition("X"),
    ]);
    expect(strategicMerge({ a: { b: 1 } }, { a: { $patch: "replace", c: 2 } })).toEqual({ a: { c: 2 } });
  });

  test("replaces a list that has no key, as taints", () => {
    const taints = (key: string) => ({ taints: [{ key, effect: "NoSchedule" }] });
    expect(strategicMerge(taints("a"), taints("b"))).toEqual(taints("b"));
  });

  test("unites lists of values, and takes from them", () => {
    const finalizers = ["a", "b"];
    expect(strategicMerge({ finalizers }, { finalizers: ["b", "c"] })).toEqual({
      finalizers: ["a", "b", "c"],
    });
    expect(strategicMerge({ finalizers }, { "$deleteFromPrimitiveList/finalizers": ["a"] })).toEqual({
      finalizers: ["b"],
    });
  });

  test.each<[string, JsonObject]>([
    ["without the key", { conditions: [{ status: "True" }] }],
    ["with an unknown directive", { conditions: [{ $patch: "jump", type: "A" }] }],
  ])("%s is refused", (_what, patch) => {
    expect(() => merged(patch, "A")).toThrow();
  });
});

test("a merge patch replaces lists, and null deletes", () => {
  const target = { a: [1, 2], b: { c: 1, d: 2 } };
  expect(mergePatch(target, { a: [3], b: { c: null }, e: { f: null } })).toEqual({
    a: [3],
    b: { d: 2 },
    e: {},
  });
});

describe("a JSON patch", () => {
  const apply = (...operations: readonly JsonObject[]) =>
    jsonPatch({ a: { "b/c": "1" }, list: [1, 2] }, operations);

  test.each<[JsonObject, JsonValue]>([
    [
      { op: "add", path: "/a/x", value: 7 },
      { a: { "b/c": "1", x: 7 }, list: [1, 2] },
    ],
    [
      { op: "add", path: "/list/-", value: 3 },
      { a: { "b/c": "1" }, list: [1, 2, 3] },
    ],
    [
      { op: "add", path: "/list/0", value: 0 },
      { a: { "b/c": "1" }, list: [0, 1, 2] },
    ],
    [
      { op: "remove", path: "/a/b~1c" },
      { a: {}, list: [1, 2] },
    ],
    [
      { op: "replace", path: "/list/1", value: 9 },
      { a: { "b/c": "1" }, list: [1, 9] },
    ],
    [
      { op: "move", from: "/list/0", path: "/a/moved" },
      { a: { "b/c": "1", moved: 1 }, list: [2] },
    ],
    [
      { op: "copy", from: "/a/b~1c", path: "/copied" },
      { a: { "b/c": "1" }, list: [1, 2], copied: "1" },
    ],
    [
      { op: "test", path: "/a/b~1c", value: "1" },
      { a: { "b/c": "1" }, list: [1, 2] },
    ],
  ])("%o", (operation, expected) => {
    expect(apply(operation)).toEqual(expected);
  });

  test.each<[JsonObject]>([
    [{ op: "remove", path: "/a/x" }],
    [{ op: "replace", path: "/a/x", value: 1 }],
    [{ op: "add", path: "/nothing/x", value: 1 }],
    [{ op: "add", path: "/list/9", value: 1 }],
    [{ op: "test", path: "/a/b~1c", value: "2" }],
    [{ op: "jump", path: "/a" }],
  ])("%o does not apply", (operation) => {
    expect(() => apply(operation)).toThrow(expect.objectContaining({ code: 422 }));
  });

  test("that is none is refused as such", () => {
    expect(() => jsonPatch({}, {})).toThrow(expect.objectContaining({ code: 400 }));
  });
});
