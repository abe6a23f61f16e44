import { describe, expect, test } from "vitest";
import { differences } from "../../../cluster/differential/differences.ts";
import { FIXED_STEPS } from "../../../cluster/differential/fixed-cases.ts";
import { generateSteps } from "../../../cluster/differential/generator.ts";
import { resolved, titleOf } from "../../../cluster/differential/step.ts";

test("a seed makes the same requests again, another one others", () => {
  expect(generateSteps(7, 50)).toEqual(generateSteps(7, 50));
  expect(generateSteps(7, 50)).not.toEqual(generateSteps(8, 50));
});

test("every method, every kind of patch, lists, watches and events come up", () => {
  const titles = generateSteps(1, 400).map(titleOf).join("\n");
  const kinds = ["POST /api/v1/nodes", "PUT ", "DELETE ", "strategic-merge", "merge-patch", "json-patch"];
  for (const kind of [...kinds, "limit=", "continue=", "fieldSelector=", "watch=", "/events"])
    expect(titles).toContain(kind);
});

test("the fixed requests are some hundreds", () => {
  expect(FIXED_STEPS.length).toBeGreaterThan(300);
});

describe("what a request refers to", () => {
  const saved = new Map([["n1", { metadata: { resourceVersion: "7" } }]]);

  test("is what was seen", () => {
    const body = {
      metadata: {
        resourceVersion: "{{n1.metadata.resourceVersion}}",
        labels: ["{{n1.metadata.resourceVersion}}"],
      },
    };
    expect(resolved(body, saved)).toEqual({ metadata: { resourceVersion: "7", labels: ["7"] } });
  });

  test.each(["{{n2.metadata.resourceVersion}}", "{{n1.metadata.uid}}", "{{n1.spec.a.b}}"])(
    "%s was never seen",
    (text) => {
      expect(resolved(text, saved)).toBe("1");
    },
  );
});

describe("differences", () => {
  test("are named by their path", () => {
    const real = { status: 422, body: { items: [{ a: 1 }, { a: 2 }] } };
    const standIn = { status: 201, body: { items: [{ a: 1 }, { b: 2 }] } };
    expect(differences(real, standIn)).toEqual([
      "body.items[1].a: real 2, stand-in nothing",
      "body.items[1].b: real nothing, stand-in 2",
      "status: real 422, stand-in 201",
    ]);
  });

  test("are none between equals", () => {
    expect(differences({ a: [1, { b: null }] }, { a: [1, { b: null }] })).toEqual([]);
  });
});
