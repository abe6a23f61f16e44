/** Valid and invalid parts of Nodes, from which requests are assembled. */
import type { JsonObject, JsonValue } from "../../../src/runtime/json.ts";
import type { Random } from "../../../src/runtime/random.ts";

export function oneOf<T>(items: readonly [T, ...T[]], random: Random): T {
  return items[random.below(items.length)] ?? items[0];
}

/** In three of four cases a value of the first list. */
export function mostly<T>(good: readonly [T, ...T[]], bad: readonly [T, ...T[]], random: Random): T {
  return oneOf(random.below(4) > 0 ? good : bad, random);
}

export const NAMES = ["n1", "n2", "n3", "n4", "worker-5.example"] as const;

const BAD_NAMES = ["Upper", "under_score", "-dash", "dot..dot", "a".repeat(254), ".", "per%cent"] as const;

const POD_CIDRS = [
  ["10.244.1.0/24"],
  ["fd00:10:244:1::/64"],
  ["10.244.1.0/24", "fd00:10:244:1::/64"],
  ["fd00:10:244:1::/64", "10.244.1.0/24"],
] as const;

const BAD_POD_CIDRS = [
  ["10.244.1.0/24", "10.244.2.0/24"],
  ["fd00:1::/64", "fd00:2::/64"],
  ["10.244.1.0/24", "fd00:1::/64", "fd00:2::/64"],
  ["10.244.1.0/33"],
  ["10.244.1.0"],
  ["junk"],
  ["junk", "10.244.1.0/24"],
  ["fd00::1%eth0/64"],
  [""],
  [7],
  "10.244.1.0/24",
] as const;

const ANNOTATIONS = [
  { "flannel.alpha.coreos.com/public-ip": "192.0.2.1", "flannel.alpha.coreos.com/backend-type": "vxlan" },
  { "flannel.alpha.coreos.com/backend-data": '{"VNI":1,"VtepMAC":"0e:52:a1:00:00:07"}' },
  { "Example.com/Upper": "", plain: "é" },
  {},
] as const;

const BAD_ANNOTATIONS = [
  { "a/b/c": "1" },
  { "": "1" },
  { "example.com/": "1" },
  { "spaces in it": "1" },
  { "example.com/number": 1 },
  { [`example.com/${"x".repeat(64)}`]: "1" },
  { "example.com/large": "x".repeat(262_144) },
  ["a"],
] as const;

const LABELS = [
  { "kubernetes.io/os": "linux", zone: "a" },
  { "kubernetes.io/os": "linux", zone: "b" },
  { zone: "" },
] as const;

const BAD_LABELS = [
  { zone: "not a label" },
  { "a/b/c": "x" },
  { zone: "x".repeat(64) },
  { zone: true },
] as const;

const TAINTS = [
  [{ key: "example.com/a", value: "b", effect: "NoSchedule" }],
  [{ key: "example.com/a", effect: "NoExecute", timeAdded: "2026-11-01T02:00:00+02:00" }],
  [],
] as const;

const BAD_TAINTS = [
  [{ key: "a", effect: "Sometimes" }],
  [{ key: "a" }],
  [{ effect: "NoSchedule" }],
  [
    { key: "a", effect: "NoSchedule" },
    { key: "a", effect: "NoSchedule" },
  ],
  [{ key: "a", value: "not a value", effect: "NoSchedule" }],
  "a",
] as const;

const time = "2026-11-01T00:00:00Z";
const ready = { type: "Ready", status: "True", reason: "KubeletReady", message: "", lastHeartbeatTime: time };
const network = { type: "NetworkUnavailable", status: "False", reason: "FlannelIsUp" };

const CONDITIONS = [
  [ready],
  [network],
  [network, { ...ready, status: "False", lastTransitionTime: "2026-11-01T00:00:01.5Z" }],
  [{ type: "DiskPressure", status: "False" }, network],
  [{ type: "Ready", status: "Unknown", colour: "green" }],
  [],
] as const;

const BAD_CONDITIONS = [
  [{ status: "True" }],
  [{ ...ready, lastHeartbeatTime: "yesterday" }],
  [{ type: "Ready", status: true }],
  ["Ready"],
  "Ready",
  { type: "Ready" },
  [null],
  [ready, ready],
] as const;

const ADDRESSES = [
  [{ type: "InternalIP", address: "192.0.2.1" }],
  [
    { type: "InternalIP", address: "192.0.2.1" },
    { type: "InternalIP", address: "2001:db8::1" },
    { type: "Hostname", address: "n1" },
  ],
] as const;

const BAD_ADDRESSES = [
  [
    { type: "InternalIP", address: "192.0.2.1" },
    { type: "InternalIP", address: "192.0.2.1" },
  ],
  [{ type: 1, address: "192.0.2.1" }],
] as const;

const CAPACITIES = [{ cpu: "8", memory: "32Gi" }, { pods: "110" }] as const;
const BAD_CAPACITIES = [{ cpu: "-1" }, { cpu: "many" }, { cpu: true }] as const;

/** Any of these may be missing. */
export function metadata(random: Random): JsonObject {
  return some(random, {
    annotations: mostly<JsonValue>(ANNOTATIONS, BAD_ANNOTATIONS, random),
    labels: mostly<JsonValue>(LABELS, BAD_LABELS, random),
    ...(random.below(12) === 0 ? { finalizers: oneOf([["not a finalizer"], [""]] as const, random) } : {}),
    ...(random.below(10) === 0 ? { unknownField: "x" } : {}),
  });
}

export function spec(random: Random): JsonObject {
  const podCIDRs = mostly<JsonValue>(POD_CIDRS, BAD_POD_CIDRS, random);
  const first = Array.isArray(podCIDRs) ? ((podCIDRs as readonly JsonValue[])[0] ?? "") : "";
  return some(random, {
    podCIDRs,
    podCIDR: mostly<JsonValue>([first], ["10.244.9.0/24", "junk", ""], random),
    taints: mostly<JsonValue>(TAINTS, BAD_TAINTS, random),
    unschedulable: mostly<JsonValue>([true, false], ["yes"], random),
    providerID: oneOf(["cloud://1", "cloud://2", ""], random),
  });
}

export function status(random: Random): JsonObject {
  return some(random, {
    conditions: mostly<JsonValue>(CONDITIONS, BAD_CONDITIONS, random),
    addresses: mostly<JsonValue>(ADDRESSES, BAD_ADDRESSES, random),
    capacity: mostly<JsonValue>(CAPACITIES, BAD_CAPACITIES, random),
    ...(random.below(6) === 0 ? { phase: "Running", nodeInfo: { osImage: "Linux" } } : {}),
  });
}

export function name(random: Random): string {
  return random.below(12) === 0 ? oneOf(BAD_NAMES, random) : oneOf(NAMES, random);
}

function some(random: Random, fields: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(fields).filter(() => random.below(5) < 2));
}
