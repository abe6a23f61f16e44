import { describe, expect, test } from "vitest";
import type { JsonObject, JsonValue } from "../../../../src/runtime/json.ts";
import { Normaliser } from "../../../cluster/differential/normaliser.ts";

const node = (uid: string, resourceVersion: string, more: JsonObject = {}): JsonObject => ({
  kind: "Node",
  metadata: { name: "n1", uid, resourceVersion, creationTimestamp: "2026-11-01T00:00:00Z", ...more },
});
const answer = (body: JsonValue, status = 200) => ({ status, body, events: null });
const bodyOf = (normaliser: Normaliser, body: JsonValue) => normaliser.normalise(answer(body)).body;

describe("two servers that agree are told the same", () => {
  const play = (uids: readonly string[], versions: readonly string[]) => {
    const normaliser = new Normaliser();
    const [one = "", other = ""] = uids;
    const [first = "", second = "", third = ""] = versions;
    return [node(one, first), node(one, second), node(one, first), node(other, third)].map((each) =>
      bodyOf(normaliser, each),
    );
  };

  test("whatever uids and versions they gave", () => {
    expect(play(["a", "b"], ["1", "2", "3"])).toEqual(play(["x", "y"], ["70", "71", "99"]));
  });

  test("and one that writes a version too many is not", () => {
    expect(play(["a", "b"], ["1", "2", "3"])).not.toEqual(play(["a", "b"], ["1", "1", "3"]));
  });

  test("and one that keeps the uid of a node made anew is not", () => {
    expect(play(["a", "b"], ["1", "2", "3"])).not.toEqual(play(["a", "a"], ["1", "2", "3"]));
  });
});

test("times are one another's equal, what is no time is not", () => {
  const at = (creationTimestamp: JsonValue) =>
    bodyOf(new Normaliser(), node("a", "1", { creationTimestamp }));
  expect(at("2026-11-01T00:00:00Z")).toEqual(at("2020-01-01T00:00:01Z"));
  expect(at("2026-11-01T00:00:00Z")).not.toEqual(at(null));
  expect(at("2026-11-01T00:00:00Z")).not.toEqual(at("now"));
});

test("managed fields go, and the random part of a name", () => {
  const made = node("a", "1", { name: "made-x7z", generateName: "made-", managedFields: [{}] });
  expect(bodyOf(new Normaliser(), made)).toMatchObject({ metadata: { name: "made-*" } });
  expect(JSON.stringify(bodyOf(new Normaliser(), made))).not.toContain("managedFields");
});

describe("a refusal", () => {
  const refusal = (reason: string, message: string, details: JsonObject = {}) =>
    bodyOf(new Normaliser(), { kind: "Status", status: "Failure", reason, message, details, code: 422 });
  const causes = (...fields: readonly string[]) => ({
    causes: fields.map((field) => ({ reason: "FieldValueInvalid", field, message: `about ${field}` })),
  });

  test("is its reason and which fields are wrong, once each", () => {
    expect(refusal("Invalid", "a", causes("spec.a", "spec.b", "spec.a"))).toEqual(
      refusal("Invalid", "b", causes("spec.b", "spec.a")),
    );
    expect(refusal("Invalid", "a", causes("spec.a"))).not.toEqual(refusal("Invalid", "a", causes("spec.b")));
    expect(refusal("Invalid", "a")).not.toEqual(refusal("BadRequest", "a"));
  });

  test("is its words too where it has no fields", () => {
    expect(refusal("NotFound", 'nodes "a" not found')).not.toEqual(
      refusal("NotFound", 'nodes "b" not found'),
    );
  });
});

describe("a list", () => {
  const list = (resourceVersion: string, items: readonly JsonObject[], more: JsonObject = {}) =>
    bodyOf(new Normaliser(), { kind: "NodeList", metadata: { resourceVersion, ...more }, items });

  test("has a version that is not behind its items'", () => {
    expect(list("9", [node("a", "8")])).toEqual(list("70", [node("x", "60")]));
    expect(list("9", [node("a", "8")])).not.toEqual(list("9", [node("a", "10")]));
  });

  test("has a token or none", () => {
    expect(list("9", [], { continue: "abc" })).toEqual(list("9", [], { continue: "xyz" }));
    expect(list("9", [], { continue: "abc" })).not.toEqual(list("9", []));
  });
});

describe("of a watch", () => {
  const events = (...types: readonly string[]) =>
    types.map((type) => ({
      type,
      object: type === "BOOKMARK" ? { kind: "Node", metadata: { resourceVersion: "9" } } : node("a", "1"),
    }));
  const watched = (types: readonly string[], isForBookmark: boolean) =>
    new Normaliser().normalise({ status: 200, body: null, events: events(...types) }, isForBookmark).events;

  test("bookmarks count where it is long enough for one, and how many does not", () => {
    expect(watched(["ADDED", "BOOKMARK"], false)).toEqual(watched(["ADDED"], false));
    expect(watched(["ADDED", "BOOKMARK", "BOOKMARK"], true)).toEqual(watched(["ADDED", "BOOKMARK"], true));
    expect(watched(["ADDED", "BOOKMARK"], true)).not.toEqual(watched(["ADDED"], true));
  });

  test("the order of what happened counts", () => {
    expect(watched(["ADDED", "DELETED"], false)).not.toEqual(watched(["DELETED", "ADDED"], false));
  });
});
