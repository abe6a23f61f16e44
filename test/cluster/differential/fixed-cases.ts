/** Requests that both servers always get: those that the daemon sends, and those that no server may accept. */
import type { JsonObject, JsonValue } from "../../../src/runtime/json.ts";
import { nodeObject } from "../../support/kube-api/node-object.ts";
import { PATCH_TYPES } from "./generator.ts";
import type { Requester, Step } from "./step.ts";

const NODES = "/api/v1/nodes";
const EVENTS = "/api/v1/namespaces/default/events";
const [STRATEGIC, MERGE, JSON_PATCH] = PATCH_TYPES;
/** The newest tested release, whose answers the stand-in gives: 1.34 answers some requests differently. */
const STRICT_MINOR = 37;
const UP = {
  type: "NetworkUnavailable",
  status: "False",
  reason: "FlannelIsUp",
  message: "Flannel is running on this node",
  lastTransitionTime: "2026-11-01T00:00:00Z",
  lastHeartbeatTime: "2026-11-01T00:00:00Z",
};

const create = (name: string, fields: Parameters<typeof nodeObject>[1] = {}): Step => ({
  method: "POST",
  path: NODES,
  body: nodeObject(name, fields),
  save: name,
});
const post = (body: JsonValue, path = NODES): Step => ({ method: "POST", path, body });
const get = (path: string, query: Readonly<Record<string, string>> = {}): Step => ({
  method: "GET",
  path,
  query,
});
const list = (query: Readonly<Record<string, string>>, save = "list"): Step => ({
  ...get(NODES, query),
  save,
});
const patch = (name: string, body: JsonValue, type: string = STRATEGIC): Step => ({
  method: "PATCH",
  path: `${NODES}/${name}`,
  type,
  body,
  save: name.split("/")[0] ?? name,
});
const put = (name: string, body: JsonObject): Step => ({ method: "PUT", path: `${NODES}/${name}`, body });
const remove = (name: string, body?: JsonObject): Step => ({
  method: "DELETE",
  path: `${NODES}/${name}`,
  ...(body === undefined ? {} : { body }),
});
const watch = (query: Readonly<Record<string, string>>, more: Partial<Step> = {}): Step => ({
  method: "GET",
  path: NODES,
  query: { watch: "1", ...query },
  ...more,
});
const annotate = (annotations: JsonObject) => ({ metadata: { annotations } });

const event = (name: string, fields: JsonObject = {}): JsonObject => ({
  apiVersion: "v1",
  kind: "Event",
  metadata: { name, namespace: "default" },
  involvedObject: { apiVersion: "v1", kind: "Node", name: "a1", uid: "a1" },
  type: "Warning",
  reason: "NetworkConfigRefused",
  message: "Backend.VNI is -1",
  source: { component: "tweed", host: "a1" },
  firstTimestamp: "2026-11-01T00:00:00Z",
  lastTimestamp: "2026-11-01T00:00:00Z",
  count: 1,
  ...fields,
});

const DAEMON: readonly Step[] = [
  get(`${NODES}/a1`, { resourceVersion: "0" }),
  create("a1", { podCidrs: ["10.244.1.0/24"] }),
  get(`${NODES}/a1`, { resourceVersion: "0" }),
  list({ limit: "500", resourceVersion: "0" }, "daemon"),
  patch("a1/status", annotate({ "flannel.alpha.coreos.com/backend-type": "vxlan" })),
  patch("a1/status", annotate({ "flannel.alpha.coreos.com/backend-type": "vxlan" })),
  patch("a1/status", { status: { conditions: [UP] } }),
  patch("a1/status", { status: { conditions: [{ ...UP, reason: "Again" }] } }),
  patch("a1/status", annotate({ "flannel.alpha.coreos.com/backend-type": null })),
  watch({ allowWatchBookmarks: "true", resourceVersion: "{{daemon.metadata.resourceVersion}}" }),
  watch({ resourceVersion: "{{daemon.metadata.resourceVersion}}" }, { isForBookmark: true }),
  post(event("a1.0123456789abcdef"), EVENTS),
  post(event("a1.0123456789abcdef"), EVENTS),
  post(event("elsewhere"), "/api/v1/namespaces/kube-system/events"),
  post({ ...event("elsewhere"), metadata: { name: "elsewhere" } }, "/api/v1/namespaces/kube-system/events"),
  post(event("nowhere", { metadata: { name: "nowhere" } }), "/api/v1/namespaces/no-such-namespace/events"),
  get(EVENTS),
  get(`${EVENTS}/a1.0123456789abcdef`),
  get("/api/v1/events", { fieldSelector: "involvedObject.name=a1" }),
  get("/api/v1/namespaces/kube-system/pods/tweed-abc"),
];

const REQUESTERS: readonly Requester[] = ["reader", "powerless", "unknown", "anonymous"];
const ACCESS: readonly Step[] = REQUESTERS.flatMap((requester) =>
  [
    list({ limit: "500", resourceVersion: "0" }),
    get(`${NODES}/a1`),
    get(`${NODES}/nobody`),
    get(`${NODES}/a1/status`),
    watch({ resourceVersion: "{{daemon.metadata.resourceVersion}}" }),
    patch("a1/status", annotate({ a: "b" })),
    patch("a1", annotate({ a: "b" })),
    put("a1", nodeObject("a1")),
    post(nodeObject("by-somebody")),
    remove("a1"),
    post(event("by-somebody"), EVENTS),
    get(EVENTS),
    get("/api/v1/namespaces/kube-system/pods/tweed-abc"),
    get("/api/v1/events"),
  ].map((step) => ({ ...step, requester })),
);

const spec = (podCIDRs: JsonValue, podCIDR: JsonValue = null): JsonObject => ({
  metadata: { name: "bad" },
  spec: { podCIDRs, podCIDR },
});
const named = (name: JsonValue): JsonObject => ({ metadata: { name } });

const REFUSED_NODES: readonly JsonValue[] = [
  spec(["10.244.1.0/24", "10.244.2.0/24"]),
  spec(["fd00:1::/64", "fd00:2::/64"]),
  spec(["10.244.1.0/24", "fd00:1::/64", "10.244.2.0/24"]),
  spec(["10.244.1.0/24", "junk"]),
  spec(["junk"]),
  spec(["10.244.1.0/33"]),
  spec(["10.244.1.0"]),
  spec(["256.0.0.0/8"]),
  spec(["fd00::1%eth0/64"]),
  spec(["::ffff:10.244.1.0/129"]),
  spec([" 10.244.1.0/24"]),
  spec(["10.244.1.0/+24"]),
  spec([""]),
  spec([], "junk"),
  spec("10.244.1.0/24"),
  spec([1]),
  ...["Upper", "-a", "a_b", "a..b", "a/b", "", "a".repeat(254), 7, null].map(named),
  { metadata: {} },
  {},
  [],
  "not json",
  "",
  { kind: "Pod", apiVersion: "v1", metadata: { name: "bad" } },
  { kind: "Node", apiVersion: "v2", metadata: { name: "bad" } },
  { metadata: "bad" },
  { metadata: { name: "bad", annotations: { "a/b/c": "1" } } },
  { metadata: { name: "bad", annotations: { "under_/": "1" } } },
  { metadata: { name: "bad", annotations: { a: 1 } } },
  { metadata: { name: "bad", annotations: { a: "x".repeat(262_144) } } },
  { metadata: { name: "bad", labels: { a: "not a label" } } },
  { metadata: { name: "bad", labels: { "-": "a" } } },
  { metadata: { name: "bad", finalizers: ["not a finalizer"] } },
  { metadata: { name: "bad", resourceVersion: "7" } },
  { metadata: { name: "bad" }, spec: { taints: [{ key: "a", effect: "Never" }] } },
  { metadata: { name: "bad" }, status: { capacity: { cpu: "-1" } } },
  { metadata: { name: "bad" }, status: { conditions: { type: "Ready" } } },
  { metadata: { name: "bad" }, status: { conditions: [{ type: "Ready", lastHeartbeatTime: "noon" }] } },
  { metadata: { name: "bad" }, status: { images: [{ sizeBytes: "many" }] } },
  { metadata: { name: "bad" }, status: { images: [{ sizeBytes: 1.5 }] } },
];

const SLOPPY_POD_CIDRS = ["10.244.1.7/24", "010.244.001.0/24", "fd00:1::7/64"];

const TAKEN_NODES: readonly JsonObject[] = [
  { metadata: { name: "t1" }, spec: { podCIDR: "10.244.1.0/24" } },
  { metadata: { name: "t2" }, spec: { podCIDRs: ["10.244.1.0/24"] } },
  { metadata: { name: "t3" }, spec: { podCIDR: "10.244.9.0/24", podCIDRs: ["10.244.1.0/24", "fd00::/64"] } },
  { metadata: { name: "t4" }, spec: { podCIDRs: ["fd00:1::/64", "10.244.1.0/24"] } },
  { metadata: { name: "t7", namespace: "default", uid: "mine", creationTimestamp: "2020-01-01T00:00:00Z" } },
  {
    metadata: {
      name: "t8",
      annotations: { "Upper.example/Case": null, b: "x".repeat(250_000) },
      colour: "green",
    },
  },
  { metadata: { generateName: "made-" } },
  { metadata: { name: "t9", selfLink: "/x", generation: 7, labels: null } },
  { metadata: { name: "t10" }, spec: null, status: { conditions: [{ type: "Ready" }, { type: "Ready" }] } },
  {
    metadata: { name: "t11" },
    status: { addresses: [{ type: "InternalIP", address: "192.0.2.1" }], phase: "Running" },
  },
  {
    metadata: { name: "t12" },
    status: { images: [{ names: ["a"], sizeBytes: 1 }, {}], capacity: { cpu: 8 } },
  },
];

const INVALID: readonly Step[] = [
  ...REFUSED_NODES.map((body) => post(body)),
  ...SLOPPY_POD_CIDRS.map((podCidr, index) => ({
    ...post({ metadata: { name: `sloppy${index}` }, spec: { podCIDRs: [podCidr] } }),
    sinceMinor: STRICT_MINOR,
  })),
  ...TAKEN_NODES.map((body) => post(body)),
  create("a1"),
  post({ metadata: { name: "dry" } }, NODES),
  { ...post({ metadata: { name: "dry-run" } }), query: { dryRun: "All" } },
  get(`${NODES}/dry-run`),
  {
    ...post({ metadata: { name: "strict" }, spec: { colour: "green" } }),
    query: { fieldValidation: "Strict" },
  },
  {
    ...post({ metadata: { name: "large" } }),
    body: `{"metadata":{"name":"large"},"spec":{"providerID":"${"x".repeat(3_200_000)}"}}`,
  },
  post({ metadata: { name: "large" }, spec: { providerID: "x".repeat(2_000_000) } }),
  { ...post({ metadata: { name: "text" } }), type: "text/plain" },
  list({}),
];

const UPDATES: readonly Step[] = [
  create("u1", { podCidrs: ["10.244.1.0/24"], annotations: { a: "1", b: "2" } }),
  patch("u1", { spec: { podCIDR: "10.244.2.0/24", podCIDRs: ["10.244.2.0/24"] } }),
  patch("u1", { spec: { podCIDRs: ["10.244.2.0/24"] } }),
  patch("u1", { spec: { podCIDRs: ["fd00:1::/64"] } }),
  patch("u1", { spec: { podCIDR: "10.244.2.0/24" } }),
  patch("u1", { spec: { podCIDR: null, podCIDRs: null } }),
  patch("u1", { spec: { podCIDRs: null } }),
  patch("u1", { spec: { podCIDR: null } }),
  patch("u1", { spec: null }),
  patch("u1", { status: { conditions: [UP] } }),
  patch("u1/status", { spec: { unschedulable: true, podCIDRs: ["junk"] } }),
  patch("u1/status", { metadata: { labels: { a: "b" } }, spec: { unschedulable: true } }),
  patch("u1/status", { metadata: { name: "other" } }),
  patch("u1/status", { metadata: { uid: "other" } }),
  patch("u1/status", { metadata: { namespace: "default" } }),
  patch("u1/status", { metadata: { creationTimestamp: "2020-01-01T00:00:00Z" } }),
  patch("u1/status", { metadata: { resourceVersion: "1" } }),
  patch("u1/status", { metadata: { resourceVersion: "junk" } }),
  patch("u1/status", {
    metadata: { resourceVersion: "{{u1.metadata.resourceVersion}}", annotations: { c: "3" } },
  }),
  patch("u1/status", { metadata: { resourceVersion: "{{a1.metadata.resourceVersion}}" } }),
  patch("u1/status", { metadata: { annotations: { "a/b/c": "1" } } }),
  patch("u1/status", { metadata: { annotations: { a: "x".repeat(300_000) } } }),
  patch("u1/status", { metadata: { annotations: { a: 1 } } }),
  patch("u1/status", { metadata: { annotations: null } }),
  patch("u1/status", { metadata: null }),
  patch("u1/status", { metadata: { finalizers: ["not a finalizer"] } }),
  patch("u1/status", { status: null }),
  patch("u1/status", { status: { conditions: "x" } }),
  patch("u1/status", { status: { conditions: [{ status: "True" }] } }),
  patch("u1/status", { status: { conditions: [{ type: "Ready", status: 1 }] } }),
  patch("u1/status", {
    status: { conditions: [{ type: "X", status: "True", message: "x".repeat(1_700_000) }] },
  }),
  patch("u1/status", { colour: "green" }),
  patch("u1/status", []),
  patch("u1/status", "not json"),
  patch("u1/status", ""),
  { ...patch("nobody/status", "not json"), sinceMinor: STRICT_MINOR },
  { ...patch("nobody", "not json", MERGE), sinceMinor: STRICT_MINOR },
  { ...patch("nobody", "not json", JSON_PATCH), sinceMinor: STRICT_MINOR },
  patch("nobody", annotate({ a: "b" })),
  patch("u1", annotate({ a: "b" }), "application/json"),
  patch("u1", annotate({ a: "b" }), "text/plain"),
  patch("u1", annotate({ d: "4" }), `${STRATEGIC}; charset=utf-8`),
  put("u1", nodeObject("u1", { podCidrs: ["10.244.1.0/24"] })),
  put("u1", nodeObject("u2")),
  put("nobody", nodeObject("nobody")),
  put("u1", { ...nodeObject("u1"), metadata: { name: "u1", resourceVersion: "1" } }),
  put("u1", { ...nodeObject("u1"), metadata: { name: "u1", uid: "other" } }),
  put("u1", { metadata: {}, spec: { podCIDR: "10.244.1.0/24" } }),
  put("u1/status", { metadata: { name: "u1" }, status: { conditions: [UP] } }),
  post(nodeObject("u1"), `${NODES}/u1`),
  { method: "PUT", path: NODES, body: nodeObject("u1") },
  { method: "DELETE", path: `${NODES}/u1/status` },
  get(`${NODES}/u1/colour`),
  get("/api/v1/colours"),
  get("/api/v1/namespaces/default/nodes"),
  get(`${NODES}/u1/status`),
  create("u3"),
  patch("u3", { spec: { podCIDRs: ["10.244.1.0/24", "10.244.2.0/24"] } }),
  patch("u3", { spec: { podCIDRs: ["junk"] } }),
  patch("u3", { spec: { podCIDRs: ["10.244.1.0/24", "fd00:1::/64"] } }),
  patch("u3/status", {
    status: {
      addresses: [
        { type: "InternalIP", address: "192.0.2.1" },
        { type: "InternalIP", address: "192.0.2.1" },
      ],
    },
  }),
  patch("u3", { spec: { providerID: "cloud://1" } }),
  patch("u3", { spec: { providerID: "cloud://2" } }),
  patch("u3", { spec: { externalID: "x" } }),
  patch("u3", { spec: { taints: [{ key: "b", effect: "NoSchedule" }] } }),
  patch("u3", { spec: { taints: [{ key: "c", effect: "NoSchedule" }] } }),
];

const ready = (status: string) => ({ type: "Ready", status });
const three = ["One", "Two", "Three"].map((type) => ({ type, status: "True" }));
const DIRECTIVES: readonly Step[] = [
  post({ metadata: { name: "d1" }, status: { conditions: [ready("True"), ...three] } }),
  patch("d1/status", { status: { conditions: [UP, ready("False")] } }),
  patch("d1/status", { status: { conditions: [{ type: "New", status: "True" }] } }),
  patch("d1/status", {
    status: {
      conditions: [
        { type: "Two", status: "False" },
        { type: "One", status: "False" },
      ],
    },
  }),
  patch("d1/status", { status: { conditions: [{ $patch: "delete", type: "Two" }] } }),
  patch("d1/status", { status: { conditions: [{ $patch: "delete" }] } }),
  patch("d1/status", { status: { conditions: [{ $patch: "jump", type: "One" }] } }),
  patch("d1/status", {
    status: {
      "$setElementOrder/conditions": [{ type: "Three" }, { type: "One" }],
      conditions: [{ type: "One", status: "Unknown" }],
    },
  }),
  patch("d1/status", { status: { conditions: [{ type: "Ready", message: null, status: "True" }] } }),
  patch("d1/status", { status: { conditions: [{ $patch: "replace" }, ready("Unknown")] } }),
  patch("d1/status", { status: { $patch: "replace", conditions: [UP] } }),
  patch("d1/status", { metadata: { annotations: { $patch: "delete" } } }),
  patch("d1/status", { metadata: { annotations: { $patch: "jump" } } }),
  patch("d1", { metadata: { finalizers: ["example.com/a", "example.com/b"] } }),
  patch("d1", { metadata: { finalizers: ["example.com/b", "example.com/c"] } }),
  patch("d1", {
    metadata: { "$deleteFromPrimitiveList/finalizers": ["example.com/a", "example.com/b", "example.com/c"] },
  }),
  patch("d1/status", { status: { conditions: [UP, UP] } }),
  patch("d1/status", {
    status: {
      conditions: [
        { ...UP, message: "one" },
        { ...UP, message: "two" },
      ],
    },
  }),
  patch("d1/status", { status: { conditions: Array<JsonValue>(3).fill(UP) } }, MERGE),
  patch("d1/status", { status: { conditions: null, addresses: [] } }, MERGE),
  patch("d1/status", { status: { nothing: { at: null } } }, MERGE),
  patch(
    "d1/status",
    [{ op: "add", path: "/metadata/annotations", value: { "example.com/a": "1" } }],
    JSON_PATCH,
  ),
  patch(
    "d1/status",
    [
      { op: "test", path: "/metadata/annotations/example.com~1a", value: "1" },
      { op: "replace", path: "/metadata/annotations/example.com~1a", value: "2" },
    ],
    JSON_PATCH,
  ),
  patch("d1/status", [{ op: "test", path: "/metadata/annotations/example.com~1a", value: "1" }], JSON_PATCH),
  patch("d1/status", [{ op: "remove", path: "/metadata/annotations/nothing" }], JSON_PATCH),
  patch("d1/status", [{ op: "add", path: "/status/conditions", value: [UP, UP] }], JSON_PATCH),
  patch(
    "d1/status",
    [{ op: "copy", from: "/status/conditions/0", path: "/status/conditions/-" }],
    JSON_PATCH,
  ),
  patch("d1/status", [{ op: "remove", path: "/status/conditions/9" }], JSON_PATCH),
  patch("d1/status", [{ op: "add", path: "/nothing/there", value: 1 }], JSON_PATCH),
  patch("d1/status", [{ op: "add", path: "/metadata/name", value: "other" }], JSON_PATCH),
  patch("d1/status", Array<JsonValue>(10_001).fill({ op: "test", path: "/kind", value: "Node" }), JSON_PATCH),
  patch("d1/status", {}, JSON_PATCH),
  patch("d1/status", "[", JSON_PATCH),
];

const DELETION: readonly Step[] = [
  create("x1"),
  patch("x1", { metadata: { finalizers: ["example.com/a"] } }),
  remove("x1"),
  get(`${NODES}/x1`),
  patch("x1", { metadata: { finalizers: ["example.com/a", "example.com/b"] } }),
  patch("x1", { metadata: { finalizers: null } }, MERGE),
  get(`${NODES}/x1`),
  create("x2"),
  remove("x2", { preconditions: { uid: "other" } }),
  remove("x2", { preconditions: { resourceVersion: "1" } }),
  remove("x2", { preconditions: { uid: "{{x2.metadata.uid}}" } }),
  remove("x2"),
  create("x2"),
  remove("x2", { gracePeriodSeconds: 30, propagationPolicy: "Background" }),
];

const PAGES: readonly Step[] = [
  ...["p1", "p2", "p3", "p4", "p5"].map((name, index) =>
    create(name, { podCidrs: [`10.244.${index}.0/24`] }),
  ),
  list({ limit: "2" }, "first"),
  remove("p4"),
  create("p6"),
  patch("p5", { metadata: { labels: { zone: "a" } } }),
  list({ limit: "2", continue: "{{first.metadata.continue}}" }, "second"),
  list({ limit: "500", continue: "{{second.metadata.continue}}" }),
  list({ continue: "{{first.metadata.continue}}" }),
  list({ continue: "{{first.metadata.continue}}", resourceVersion: "0" }),
  list({ continue: "{{first.metadata.continue}}", resourceVersion: "{{first.metadata.resourceVersion}}" }),
  list({ continue: "{{first.metadata.continue}}", resourceVersionMatch: "Exact" }),
  list({ continue: "{{first.metadata.continue}}", fieldSelector: "metadata.name=p5" }),
  list({ resourceVersion: "{{first.metadata.resourceVersion}}", resourceVersionMatch: "Exact" }),
  list({ resourceVersion: "{{first.metadata.resourceVersion}}", resourceVersionMatch: "Exact", limit: "3" }),
  list({ resourceVersion: "{{first.metadata.resourceVersion}}", resourceVersionMatch: "NotOlderThan" }),
  list({ resourceVersion: "{{first.metadata.resourceVersion}}", limit: "3" }),
  list({ resourceVersion: "{{first.metadata.resourceVersion}}" }),
  list({ resourceVersion: "0", resourceVersionMatch: "Exact" }),
  list({ resourceVersionMatch: "Exact" }),
  list({ resourceVersion: "0", resourceVersionMatch: "Newest" }),
  list({ limit: "2", fieldSelector: "metadata.name!=p1" }),
  list({ limit: "1", labelSelector: "zone" }),
  list({ fieldSelector: "metadata.name=p1" }),
  list({ fieldSelector: "metadata.name=p1,metadata.name=p2" }),
  list({ fieldSelector: "spec.podCIDR=10.244.1.0/24" }),
  list({ fieldSelector: "junk" }),
  list({ labelSelector: "zone=a" }),
  list({ labelSelector: "zone==" }),
  list({ labelSelector: "=" }),
  list({ continue: "junk" }),
  list({ continue: "eyJ2IjoibWV0YS5rOHMuaW8vdjIiLCJydiI6MSwic3RhcnQiOiJhIn0" }),
  list({ limit: "many" }),
  list({ limit: "-1" }),
  list({ resourceVersion: "junk" }),
  list({ resourceVersion: "-1" }),
  list({ resourceVersion: "9000000000000000" }),
  list({ timeoutSeconds: "soon" }),
  get(`${NODES}/p1`, { resourceVersion: "{{first.metadata.resourceVersion}}" }),
  get(`${NODES}/p1`, { resourceVersion: "junk" }),
  get(`${NODES}/p1`, { resourceVersion: "9000000000000000" }),
];

const from = "{{watched.metadata.resourceVersion}}";
const WATCHES: readonly Step[] = [
  list({}, "watched"),
  create("w1", { podCidrs: ["10.244.1.0/24"] }),
  patch("w1", { metadata: { labels: { zone: "a" } } }),
  patch("w1", { spec: { unschedulable: true } }),
  patch("w1", { metadata: { labels: { zone: "b" } } }),
  create("w2"),
  remove("w1"),
  create("w1", { podCidrs: ["10.244.2.0/24"] }),
  watch({ resourceVersion: from }),
  watch({ resourceVersion: from, labelSelector: "zone=a" }),
  watch({ resourceVersion: from, fieldSelector: "spec.unschedulable=true" }),
  watch({ resourceVersion: from, fieldSelector: "metadata.name=w2" }),
  watch({ resourceVersion: from, fieldSelector: "spec.podCIDR=x" }),
  watch({ resourceVersion: from, limit: "1" }),
  watch({ resourceVersion: from, resourceVersionMatch: "Exact" }),
  watch({ resourceVersion: from, resourceVersionMatch: "NotOlderThan" }),
  watch({ resourceVersion: "{{w2.metadata.resourceVersion}}" }),
  watch({ resourceVersion: "0" }),
  watch({ resourceVersion: "junk" }),
  watch({ resourceVersion: "9000000000000000" }),
  watch({ resourceVersion: from, watch: "true" }),
  watch({ resourceVersion: from, watch: "0" }),
  watch({ resourceVersion: from, watch: "perhaps" }),
  watch({ resourceVersion: from, timeoutSeconds: "soon" }),
  { ...get(`${NODES}/w1`, { watch: "1", resourceVersion: from }) },
  watch(
    { resourceVersion: "{{w2.metadata.resourceVersion}}", allowWatchBookmarks: "true" },
    {
      during: [
        patch("w2", annotate({ a: "b" })),
        patch("w2/status", { status: { conditions: [UP] } }),
        remove("w2"),
      ],
    },
  ),
];

export const FIXED_STEPS: readonly Step[] = [
  ...DAEMON,
  ...ACCESS,
  ...INVALID,
  ...UPDATES,
  ...DIRECTIVES,
  ...DELETION,
  ...PAGES,
  ...WATCHES,
];

/** Steps whose positions in the history are compacted before the next steps. */
export const BEFORE_COMPACTION: readonly Step[] = [
  create("c1"),
  create("c2"),
  list({ limit: "1" }, "old"),
  patch("c1", annotate({ a: "b" })),
];

export const AFTER_COMPACTION: readonly Step[] = [
  patch("c1", annotate({ a: "c" })),
  watch({ resourceVersion: "{{old.metadata.resourceVersion}}", allowWatchBookmarks: "true" }),
  watch({ resourceVersion: "1" }),
  list({ resourceVersion: "1", resourceVersionMatch: "Exact" }),
  list({ resourceVersion: "{{old.metadata.resourceVersion}}", resourceVersionMatch: "Exact" }),
  list({ resourceVersion: "{{old.metadata.resourceVersion}}" }),
  list({ limit: "1", continue: "{{old.metadata.continue}}" }),
  list({ limit: "500", resourceVersion: "0" }, "new"),
  watch({ resourceVersion: "{{new.metadata.resourceVersion}}" }, { during: [remove("c1"), remove("c2")] }),
];
