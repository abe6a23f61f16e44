/** Random requests about Nodes and Events, the same for the same seed. */
import type { JsonObject, JsonValue } from "../../../src/runtime/json.ts";
import type { Random } from "../../../src/runtime/random.ts";
import { seededRandom } from "../../support/seeded-random.ts";
import { metadata, NAMES, name, oneOf, spec, status } from "./node-parts.ts";
import type { Step } from "./step.ts";

const NODES = "/api/v1/nodes";

export const PATCH_TYPES = [
  "application/strategic-merge-patch+json",
  "application/merge-patch+json",
  "application/json-patch+json",
] as const;

export function generateSteps(seed: number, count: number): Step[] {
  const random = seededRandom(seed);
  return Array.from({ length: count }, () => nextStep(random));
}

const CHOICES: readonly [(random: Random) => Step, ...((random: Random) => Step)[]] = [
  creation,
  creation,
  patching,
  patching,
  patching,
  update,
  reading,
  listing,
  listing,
  deletion,
  eventCreation,
  watching,
];

function nextStep(random: Random): Step {
  return oneOf(CHOICES, random)(random);
}

function creation(random: Random): Step {
  const named = name(random);
  const body = node(random, random.below(20) === 0 ? {} : { name: named });
  const query = random.below(10) === 0 ? { query: { dryRun: "All" } } : {};
  return { method: "POST", path: NODES, body, save: named, ...query };
}

function node(random: Random, extra: JsonObject): JsonObject {
  return {
    ...(random.below(4) > 0 ? { kind: "Node", apiVersion: "v1" } : {}),
    metadata: { ...metadata(random), ...extra },
    ...(random.below(4) > 0 ? { spec: spec(random) } : {}),
    ...(random.below(4) > 0 ? { status: status(random) } : {}),
  };
}

function patching(random: Random): Step {
  const named = oneOf(NAMES, random);
  const type = oneOf(PATCH_TYPES, random);
  const isStatus = random.below(2) === 0;
  const path = `${NODES}/${named}${isStatus ? "/status" : ""}`;
  const body = type === "application/json-patch+json" ? operations(random) : change(random, named);
  return { method: "PATCH", path, type, body, save: named };
}

function change(random: Random, named: string): JsonObject {
  const metadataChange = { ...metadata(random), ...identity(random, named) };
  return {
    ...(random.below(3) > 0 ? { metadata: metadataChange } : {}),
    ...(random.below(3) === 0 ? { spec: withNull(spec(random), random) } : {}),
    ...(random.below(2) === 0 ? { status: withNull(status(random), random) } : {}),
  };
}

/** Fields by which a client identifies the target object. */
function identity(random: Random, named: string): JsonObject {
  const one = {
    resourceVersion: oneOf<JsonValue>(
      [`{{${named}.metadata.resourceVersion}}`, "1", "junk", null, ""],
      random,
    ),
    uid: oneOf<JsonValue>([`{{${named}.metadata.uid}}`, "no-such-uid", null], random),
    name: oneOf<JsonValue>([named, "another", ""], random),
    creationTimestamp: oneOf<JsonValue>(["2020-01-01T00:00:00Z", null], random),
  };
  return Object.fromEntries(Object.entries(one).filter(() => random.below(8) === 0));
}

function withNull(fields: JsonObject, random: Random): JsonObject {
  return Object.fromEntries(
    Object.entries(fields).map(([key, value]) => [key, random.below(6) === 0 ? null : value]),
  );
}

const POINTERS = [
  "/metadata/annotations/a~1b",
  "/metadata/annotations",
  "/metadata/labels/zone",
  "/spec/unschedulable",
  "/spec/podCIDRs/-",
  "/spec/podCIDRs",
  "/status/conditions/0/status",
  "/status/conditions/-",
  "/status/conditions/7",
  "/status/nothing/there",
  "/metadata/name",
  "no-pointer",
  "",
] as const;

function operations(random: Random): JsonValue {
  if (random.below(15) === 0) return oneOf<JsonValue>([{}, [], [1], "not json"], random);
  return Array.from({ length: 1 + random.below(2) }, () => {
    const op = oneOf(["add", "add", "add", "replace", "remove", "test", "move", "copy", "jump"], random);
    const path = oneOf(POINTERS, random);
    const value = oneOf<JsonValue>(
      ["True", "x", { "example.com/a": "1" }, true, 1, null, ["10.244.1.0/24"]],
      random,
    );
    const from = oneOf(POINTERS, random);
    return { op, path, ...(op === "move" || op === "copy" ? { from } : { value }) };
  });
}

function update(random: Random): Step {
  const named = oneOf(NAMES, random);
  const body = node(random, { name: named, ...identity(random, named) });
  const isStatus = random.below(2) === 0;
  return { method: "PUT", path: `${NODES}/${named}${isStatus ? "/status" : ""}`, body, save: named };
}

function reading(random: Random): Step {
  const named = oneOf([...NAMES, "nobody"], random);
  const path = `${NODES}/${named}${random.below(4) === 0 ? "/status" : ""}`;
  return { method: "GET", path, ...(random.below(3) === 0 ? { query: { resourceVersion: "0" } } : {}) };
}

function listing(random: Random): Step {
  const query = {
    ...(random.below(2) === 0 ? { limit: oneOf(["1", "2", "3", "0", "-1", "500", "many"], random) } : {}),
    ...(random.below(4) === 0 ? { continue: oneOf(["{{page.metadata.continue}}", "junk"], random) } : {}),
    ...selectors(random),
    ...(random.below(4) === 0
      ? { resourceVersion: oneOf(["0", "{{page.metadata.resourceVersion}}", "junk"], random) }
      : {}),
    ...(random.below(8) === 0
      ? { resourceVersionMatch: oneOf(["Exact", "NotOlderThan", "Newest"], random) }
      : {}),
  };
  return { method: "GET", path: NODES, query, save: "page" };
}

function selectors(random: Random): Readonly<Record<string, string>> {
  const fieldSelector = oneOf(
    [
      "metadata.name=n1",
      "metadata.name!=n1",
      "metadata.name==n2",
      "spec.unschedulable=false",
      "spec.podCIDR=x",
      "junk",
    ],
    random,
  );
  const labelSelector = oneOf(
    ["zone", "!zone", "zone=a", "zone!=a", "zone=a,kubernetes.io/os=linux", "=="],
    random,
  );
  return {
    ...(random.below(5) === 0 ? { fieldSelector } : {}),
    ...(random.below(5) === 0 ? { labelSelector } : {}),
  };
}

function deletion(random: Random): Step {
  const named = oneOf(NAMES, random);
  const preconditions = oneOf<JsonObject>(
    [{ uid: `{{${named}.metadata.uid}}` }, { uid: "no-such-uid" }, { resourceVersion: "1" }],
    random,
  );
  const body =
    random.below(3) === 0 ? { body: { kind: "DeleteOptions", apiVersion: "v1", preconditions } } : {};
  return { method: "DELETE", path: `${NODES}/${named}`, ...body };
}

function eventCreation(random: Random): Step {
  const namespace = oneOf(["default", "default", "kube-system"], random);
  const about = {
    kind: "Node",
    name: oneOf(NAMES, random),
    ...(random.below(4) === 0 ? { namespace: "kube-system" } : {}),
  };
  const body = {
    kind: "Event",
    apiVersion: "v1",
    metadata: { name: `e${random.below(6)}`, ...(random.below(3) > 0 ? { namespace: "default" } : {}) },
    involvedObject: about,
    type: oneOf(["Warning", "Odd"], random),
    message: "x".repeat(oneOf([10, 1024, 5000], random)),
    ...(random.below(4) === 0 ? { eventTime: "2026-11-01T00:00:00.123456Z" } : {}),
    ...(random.below(4) === 0 ? { count: oneOf<JsonValue>([1, "1"], random) } : {}),
  };
  return { method: "POST", path: `/api/v1/namespaces/${namespace}/events`, body };
}

function watching(random: Random): Step {
  const query = {
    watch: oneOf(["1", "true"], random),
    ...oneOf<Readonly<Record<string, string>>>(
      [
        { resourceVersion: "{{page.metadata.resourceVersion}}", allowWatchBookmarks: "true" },
        // With bookmarks, or without a version, this requires an etcd that reports progress, which not every version
        // does.
        { resourceVersion: "0" },
        { resourceVersion: "junk" },
      ],
      random,
    ),
    ...selectors(random),
  };
  return { method: "GET", path: NODES, query };
}
