/** What the stand-in makes of a Node and refuses of one; `test/cluster/differential` holds it against a real server. */
import { describe, expect, test } from "vitest";
import type { JsonObject, JsonValue } from "../../../src/runtime/json.ts";
import { nodeFaults, nodeUpdateFaults, withOnePodCidr } from "../../support/kube-api/node-rules.ts";
import type { StoredObject } from "../../support/kube-api/object-table.ts";
import { RESOURCE_KINDS } from "../../support/kube-api/resource-kinds.ts";
import { TypeFault, typedObject } from "../../support/kube-api/typed-object.ts";

const node = (spec: JsonObject, status: JsonObject = {}): StoredObject => ({
  metadata: { name: "n1" },
  spec,
  status,
});
const fieldsOf = (faults: readonly { readonly field: string }[]) => faults.map(({ field }) => field);

describe("podCIDRs", () => {
  test.each<[readonly string[], readonly string[]]>([
    [[], []],
    [["10.244.1.0/24"], []],
    [["fd00:1::/64", "10.244.1.0/24"], []],
    [["10.244.1.7/24"], ["spec.podCIDRs[0]"]],
    [["010.244.1.0/24"], ["spec.podCIDRs[0]"]],
    [["10.244.1.0/24", "10.244.2.0/24"], ["spec.podCIDRs"]],
    [["10.244.1.0/24", "fd00:1::/64", "fd00:2::/64"], ["spec.podCIDRs"]],
    [["junk"], ["spec.podCIDRs[0]"]],
    [["10.244.1.0/33"], ["spec.podCIDRs[0]"]],
  ])("%o", (podCIDRs, faults) => {
    expect(fieldsOf(nodeFaults(node({ podCIDRs })))).toEqual(faults);
  });

  test("are set once", () => {
    const set = (...podCIDRs: readonly string[]) => node({ podCIDRs });
    expect(fieldsOf(nodeUpdateFaults(set("10.244.1.0/24"), node({})))).toEqual([]);
    expect(fieldsOf(nodeUpdateFaults(set("10.244.2.0/24"), set("10.244.1.0/24")))).toEqual(["spec.podCIDRs"]);
    expect(fieldsOf(nodeUpdateFaults(node({}), set("10.244.1.0/24")))).toEqual(["spec.podCIDRs"]);
  });

  test.each<[JsonObject, JsonObject]>([
    [{ podCIDR: "10.0.0.0/24" }, { podCIDR: "10.0.0.0/24", podCIDRs: ["10.0.0.0/24"] }],
    [{ podCIDRs: ["10.0.0.0/24"] }, { podCIDR: "10.0.0.0/24", podCIDRs: ["10.0.0.0/24"] }],
    [
      { podCIDR: "10.9.0.0/24", podCIDRs: ["10.0.0.0/24", "fd00::/64"] },
      { podCIDR: "10.9.0.0/24", podCIDRs: ["10.9.0.0/24"] },
    ],
  ])("%o is %o", (given, expected) => {
    expect(withOnePodCidr(node(given)).spec).toEqual(expected);
  });
});

describe("as Go's structs have it, a Node", () => {
  const typed = (fields: JsonObject) => typedObject({ metadata: { name: "n1" }, ...fields }, "V1Node");
  const conditions = (...all: readonly JsonValue[]) => ({ status: { conditions: all } });

  test("has no field that is not known", () => {
    expect(typed({ colour: "green", spec: { colour: "green" } })).toMatchObject({ spec: {} });
    expect(JSON.stringify(typed({ colour: "green", spec: { colour: "green" } }))).not.toContain("green");
  });

  test("has what is always there, and nothing that is empty", () => {
    const { status } = typed(conditions({ type: "Ready", message: "", reason: null })) as {
      readonly status: JsonObject;
    };
    expect(status.conditions).toEqual([
      { type: "Ready", status: "", lastHeartbeatTime: null, lastTransitionTime: null },
    ]);
    expect(status).toMatchObject({
      daemonEndpoints: { kubeletEndpoint: { Port: 0 } },
      nodeInfo: { osImage: "" },
    });
  });

  test("has times in UTC and whole seconds", () => {
    const { status } = typed(conditions({ type: "Ready", lastHeartbeatTime: "2026-11-01T02:00:00.7+02:00" }));
    expect(status).toMatchObject({ conditions: [{ lastHeartbeatTime: "2026-11-01T00:00:00Z" }] });
  });

  test.each<[string, JsonObject]>([
    ["a text for a list", { status: { conditions: "Ready" } }],
    ["a number for a text", { metadata: { name: 7 } }],
    ["a text for a number", { status: { images: [{ sizeBytes: "many" }] } }],
    ["a number that is not whole", { status: { images: [{ sizeBytes: 1.5 }] } }],
    ["no time", conditions({ type: "Ready", lastHeartbeatTime: "noon" })],
    ["no quantity", { status: { capacity: { cpu: "many" } } }],
    ["a value that is no text", { metadata: { annotations: { a: 1 } } }],
  ])("%s is refused", (_what, fields) => {
    expect(() => typed(fields)).toThrow(TypeFault);
  });
});

describe("metadata", () => {
  const [nodes] = RESOURCE_KINDS;
  const faults = (metadata: JsonObject) =>
    fieldsOf(nodes?.faults({ metadata } as unknown as StoredObject) ?? []);

  test.each<[string, JsonObject, readonly string[]]>([
    ["a name in order", { name: "worker-1.example" }, []],
    ["a name in capitals", { name: "Worker" }, ["metadata.name"]],
    ["no name", {}, ["metadata.name"]],
    ["a long name", { name: "a".repeat(254) }, ["metadata.name"]],
    ["an annotation in capitals", { name: "n1", annotations: { "Example.com/A": "" } }, []],
    [
      "an annotation with two slashes",
      { name: "n1", annotations: { "a/b/c": "" } },
      ["metadata.annotations"],
    ],
    ["large annotations", { name: "n1", annotations: { a: "x".repeat(262_144) } }, ["metadata.annotations"]],
    ["a label with spaces", { name: "n1", labels: { a: "b c" } }, ["metadata.labels"]],
  ])("%s", (_what, metadata, expected) => {
    expect(faults(metadata)).toEqual(expected);
  });
});
