/**
 * Permitted and refused changes of a Node by a daemon, row by row: evaluated by the policy's expressions alone, and by
 * a real API server with a daemon's own token.
 */
import type { JsonObject } from "../../../src/runtime/json.ts";
import { largeNodeObject } from "../kube-api/node-object.ts";
import { strategicMerge } from "../kube-api/strategic-merge.ts";

export const PREFIX = "flannel.alpha.coreos.com/";
export const DAEMON = "system:serviceaccount:kube-tweed:kube-tweed";
/** Key in the extra values of a user whose token was issued for a pod. */
export const BOUND_TO = "authentication.kubernetes.io/node-name";
export const NODE_NAME = "worker-1";

export interface AdmissionRow {
  readonly title: string;
  /** The node before. */
  readonly from: JsonObject;
  /** A strategic merge patch. */
  readonly change: JsonObject;
  /** Conditions that replace all others, which such a patch cannot do. */
  readonly conditions?: readonly JsonObject[];
}

export interface RefusedRow extends AdmissionRow {
  readonly message: string;
}

/** A user that requests what its own daemon may do. */
export interface UserRow {
  readonly title: string;
  readonly extra: Readonly<Record<string, readonly string[]>> | null;
}

const PUBLISHED = {
  [`${PREFIX}kube-subnet-manager`]: "true",
  [`${PREFIX}backend-type`]: "vxlan",
  [`${PREFIX}backend-data`]: '{"VNI":1,"VtepMAC":"0e:52:a1:00:00:07"}',
  [`${PREFIX}public-ip`]: "192.0.2.1",
};
const UP = { type: "NetworkUnavailable", status: "False", reason: "FlannelIsUp" };
const DOWN = { type: "NetworkUnavailable", status: "True", reason: "NoRouteCreated" };

const FRESH = largeNodeObject(NODE_NAME, { podCidrs: ["10.244.1.0/24"], createdAt: "2026-11-01T00:00:00Z" });
const OPERATED = { [`${PREFIX}public-ip-overwrite`]: "198.51.100.1" };
export const NODE = strategicMerge(FRESH, { metadata: { annotations: { ...PUBLISHED, ...OPERATED } } });

/** Conditions of the node by other programs. */
const OTHERS = ((NODE.status as JsonObject).conditions as JsonObject[]).filter(
  ({ type }) => type !== UP.type,
);

export const annotate = (annotations: JsonObject): JsonObject => ({ metadata: { annotations } });
const report = (condition: JsonObject): JsonObject => ({ status: { conditions: [condition] } });
const row = (title: string, change: JsonObject, from: JsonObject = NODE): AdmissionRow => ({
  title,
  from,
  change,
});
const replacing = (title: string, conditions: readonly JsonObject[]) => ({ ...row(title, {}), conditions });

export const ALLOWED: readonly AdmissionRow[] = [
  row("publish what it is for the first time", annotate(PUBLISHED), FRESH),
  row(
    "publish on a node without annotations",
    annotate(PUBLISHED),
    strategicMerge(FRESH, { metadata: { annotations: null } }),
  ),
  row("publish something else", annotate({ [`${PREFIX}backend-type`]: "udp" })),
  row("take back what no longer applies", annotate({ [`${PREFIX}backend-data`]: null })),
  row("say that the network is up", report(UP)),
  row("say so again", report(UP), strategicMerge(NODE, report(DOWN))),
  row(
    "say so on a node without conditions",
    report(UP),
    strategicMerge(NODE, { status: { conditions: null } }),
  ),
  row("repeat what is there", {}),
  row("publish as much as its peers read", annotate({ [`${PREFIX}backend-data`]: "x".repeat(4096) })),
];

export const OF_NODE = "the daemon of a node may change this node only";
const ofAnnotations = "of the annotations a daemon may change only those that it publishes";
const ofMetadata = "of a node's metadata a daemon may change only annotations";
const ofSpec = "a daemon may not change a node's spec";
const ofStatus = "of a node's status a daemon may change only the condition NetworkUnavailable";
const ofSize = "an annotation that a daemon publishes has at most 4096 characters, as many as its peers read";
const ofCondition =
  "a node has one condition NetworkUnavailable, its reason of at most 128 characters, its message of 1024";

const refused = (message: string, rows: readonly AdmissionRow[]): readonly RefusedRow[] =>
  rows.map((each) => ({ ...each, message }));

export const REFUSED: readonly RefusedRow[] = [
  ...refused(ofAnnotations, [
    row("add somebody else's annotation", annotate({ "example.com/a": "1" })),
    row("change one", annotate({ "node.alpha.kubernetes.io/ttl": "300" })),
    row("remove one", annotate({ "node.alpha.kubernetes.io/ttl": null })),
    row("move a peer's idea of its address", annotate({ [`${PREFIX}public-ip-overwrite`]: "192.0.2.9" })),
  ]),
  ...refused(ofMetadata, [
    row("label the node", { metadata: { labels: { "node-role.kubernetes.io/control-plane": "" } } }),
    row("remove a label", { metadata: { labels: { "kubernetes.io/hostname": null } } }),
    row("remove all labels", { metadata: { labels: null } }),
    row("add a finalizer", { metadata: { finalizers: ["example.com/keep"] } }),
  ]),
  ...refused(ofSpec, [row("taint the node", { spec: { taints: [{ key: "a", effect: "NoExecute" }] } })]),
  ...refused(ofStatus, [
    row("change the node's addresses", {
      status: { addresses: [{ type: "InternalIP", address: "192.0.2.9" }] },
    }),
    row("change its capacity", { status: { capacity: { cpu: "1" } } }),
    row("hide its images", { status: { images: null } }),
    row("change another condition", report({ type: "Ready", status: "False" })),
    row("add another condition", report({ type: "Cordoned", status: "True" })),
    row("remove the conditions", { status: { conditions: null } }),
    replacing("replace a condition by a second one of another", [...OTHERS.slice(1), ...OTHERS.slice(-1)]),
  ]),
  ...refused(ofCondition, [
    replacing("fill the node with conditions", [...OTHERS, ...Array<JsonObject>(1000).fill(UP)]),
    replacing("fill it with a message", [...OTHERS, { ...UP, message: "x".repeat(1_400_000) }]),
    replacing("fill it with a reason", [...OTHERS, { ...UP, reason: "x".repeat(129) }]),
  ]),
  ...refused(ofSize, [
    row("fill it with an annotation", annotate({ [`${PREFIX}backend-data`]: "x".repeat(250_000) })),
  ]),
];

export const REFUSED_USERS: readonly UserRow[] = [
  { title: "change another node", extra: { [BOUND_TO]: ["worker-2"] } },
  { title: "change a node with a token that is bound to none", extra: { other: [NODE_NAME] } },
  { title: "change a node with a token that says nothing", extra: null },
  { title: "claim two nodes", extra: { [BOUND_TO]: [NODE_NAME, "worker-2"] } },
];
