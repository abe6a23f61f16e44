/** What the admission policy lets a daemon do, on requests as the API server shows them to it. */
import { describe, expect, it } from "vitest";
import { ANNOTATIONS } from "../../../src/lease/kubernetes/annotation-names.ts";
import type { JsonObject } from "../../../src/runtime/json.ts";
import { largeNodeObject } from "../../support/kube-api/node-object.ts";
import { strategicMerge } from "../../support/kube-api/strategic-merge.ts";
import { type AdmissionRequest, type PolicySpec, refusals } from "../../support/manifests/admission.ts";
import { onlyOf, parseObjects, readDeployFile } from "../../support/manifests/objects.ts";

const objects = parseObjects(await readDeployFile("kube-tweed.yml"));
const policy = onlyOf(objects, "ValidatingAdmissionPolicy").spec as unknown as PolicySpec;

const PREFIX = "flannel.alpha.coreos.com/";
const DAEMON = "system:serviceaccount:kube-tweed:kube-tweed";
const BOUND_TO = "authentication.kubernetes.io/node-name";

const PUBLISHED = {
  [`${PREFIX}kube-subnet-manager`]: "true",
  [`${PREFIX}backend-type`]: "vxlan",
  [`${PREFIX}backend-data`]: '{"VNI":1,"VtepMAC":"0e:52:a1:00:00:07"}',
  [`${PREFIX}public-ip`]: "192.0.2.1",
};
const UP = { type: "NetworkUnavailable", status: "False", reason: "FlannelIsUp" };
const DOWN = { type: "NetworkUnavailable", status: "True", reason: "NoRouteCreated" };

const FRESH = largeNodeObject("worker-1", { podCidrs: ["10.244.1.0/24"], createdAt: "2026-11-01T00:00:00Z" });
const OPERATED = { [`${PREFIX}public-ip-overwrite`]: "198.51.100.1" };
const NODE = strategicMerge(FRESH, { metadata: { annotations: { ...PUBLISHED, ...OPERATED } } });

/** What others say of the node. */
const OTHERS = ((NODE.status as JsonObject).conditions as JsonObject[]).filter(
  ({ type }) => type !== UP.type,
);

const MANAGED = {
  metadata: { managedFields: [{ manager: "tweed", operation: "Update", subresource: "status" }] },
};

/** A daemon of `worker-1` that patches its node, or the one given. */
function patch(change: JsonObject, from: JsonObject = NODE): AdmissionRequest {
  return {
    userInfo: { username: DAEMON, extra: { [BOUND_TO]: ["worker-1"] } },
    oldObject: from,
    object: strategicMerge(strategicMerge(from, change), MANAGED),
  };
}

const annotate = (annotations: JsonObject) => ({ metadata: { annotations } });

describe("a daemon may", () => {
  it.each([
    ["publish what it is for the first time", patch(annotate(PUBLISHED), FRESH)],
    ["publish on a node without annotations", patch(annotate(PUBLISHED), without(FRESH, "annotations"))],
    ["publish something else", patch(annotate({ [`${PREFIX}backend-type`]: "udp" }))],
    ["take back what no longer applies", patch(annotate({ [`${PREFIX}backend-data`]: null }))],
    ["say that the network is up", patch({ status: { conditions: [UP] } })],
    [
      "say so again",
      patch({ status: { conditions: [UP] } }, strategicMerge(NODE, { status: { conditions: [DOWN] } })),
    ],
    ["say so on a node without conditions", patch({ status: { conditions: [UP] } }, withoutConditions(NODE))],
    ["repeat what is there", patch({})],
    ["publish as much as its peers read", patch(annotate({ [`${PREFIX}backend-data`]: "x".repeat(4096) }))],
  ])("%s", (_what, request) => {
    expect(refusals(policy, request)).toEqual([]);
  });

  it("publish every annotation that the code has, but for the operator's", () => {
    const operators = ["publicIpOverwrite", "publicIpv6Overwrite", "nodePublicIp", "nodePublicIpv6"];
    for (const [name, annotation] of Object.entries(ANNOTATIONS)) {
      const request = patch(annotate({ [PREFIX + annotation]: "changed" }));
      expect(refusals(policy, request), annotation).toHaveLength(operators.includes(name) ? 1 : 0);
    }
  });
});

describe("a daemon may not", () => {
  const ofNode = "the daemon of a node may change this node only";
  const ofAnnotations = "of the annotations a daemon may change only those that it publishes";
  const ofMetadata = "of a node's metadata a daemon may change only annotations";
  const ofStatus = "of a node's status a daemon may change only the condition NetworkUnavailable";

  const ofSize =
    "an annotation that a daemon publishes has at most 4096 characters, as many as its peers read";
  const ofCondition =
    "a node has one condition NetworkUnavailable, its reason of at most 128 characters, its message of 1024";

  it.each([
    ["change another node", from({ extra: { [BOUND_TO]: ["worker-2"] } }), ofNode],
    ["change a node with a token that is bound to none", from({ extra: { other: ["worker-1"] } }), ofNode],
    ["change a node with a token that says nothing", from({}), ofNode],
    ["claim two nodes", from({ extra: { [BOUND_TO]: ["worker-1", "worker-2"] } }), ofNode],
    ["add somebody else's annotation", patch(annotate({ "example.com/a": "1" })), ofAnnotations],
    ["change one", patch(annotate({ "node.alpha.kubernetes.io/ttl": "300" })), ofAnnotations],
    ["remove one", patch(annotate({ "node.alpha.kubernetes.io/ttl": null })), ofAnnotations],
    [
      "move a peer's idea of its address",
      patch(annotate({ [`${PREFIX}public-ip-overwrite`]: "192.0.2.9" })),
      ofAnnotations,
    ],
    [
      "label the node",
      patch({ metadata: { labels: { "node-role.kubernetes.io/control-plane": "" } } }),
      ofMetadata,
    ],
    ["remove a label", patch({ metadata: { labels: { "kubernetes.io/hostname": null } } }), ofMetadata],
    ["remove all labels", patch({ metadata: { labels: null } }), ofMetadata],
    ["add a finalizer", patch({ metadata: { finalizers: ["example.com/keep"] } }), ofMetadata],
    [
      "taint the node",
      patch({ spec: { taints: [{ key: "a", effect: "NoExecute" }] } }),
      "a daemon may not change a node's spec",
    ],
    [
      "change the node's addresses",
      patch({ status: { addresses: [{ type: "InternalIP", address: "192.0.2.9" }] } }),
      ofStatus,
    ],
    ["change its capacity", patch({ status: { capacity: { cpu: "1" } } }), ofStatus],
    ["hide its images", patch({ status: { images: null } }), ofStatus],
    [
      "change another condition",
      patch({ status: { conditions: [{ type: "Ready", status: "False" }] } }),
      ofStatus,
    ],
    [
      "add another condition",
      patch({ status: { conditions: [{ type: "Cordoned", status: "True" }] } }),
      ofStatus,
    ],
    ["remove the conditions", patch({ status: { conditions: null } }), ofStatus],
    [
      "replace a condition by a second one of another",
      withConditions([...OTHERS.slice(1), ...OTHERS.slice(-1)]),
      ofStatus,
    ],
    [
      "fill the node with conditions",
      withConditions([...OTHERS, ...Array<JsonObject>(1000).fill(UP)]),
      ofCondition,
    ],
    [
      "fill it with a message",
      withConditions([...OTHERS, { ...UP, message: "x".repeat(1_400_000) }]),
      ofCondition,
    ],
    ["fill it with a reason", withConditions([...OTHERS, { ...UP, reason: "x".repeat(129) }]), ofCondition],
    [
      "fill it with an annotation",
      patch(annotate({ [`${PREFIX}backend-data`]: "x".repeat(250_000) })),
      ofSize,
    ],
  ])("%s", (_what, request, message) => {
    expect(refusals(policy, request)).toEqual([message]);
  });
});

describe("the policy", () => {
  it.each([
    ["the kubelet", { username: "system:node:worker-1", groups: ["system:nodes"] }],
    ["an administrator", { username: "kubernetes-admin", groups: ["system:masters"] }],
    ["flannel", { username: "system:serviceaccount:kube-flannel:flannel" }],
  ])("does not concern %s", (_who, userInfo) => {
    const { object, oldObject } = patch({ metadata: { labels: { a: "b" } } });
    expect(refusals(policy, { userInfo, object, oldObject })).toBeNull();
  });

  it("refuses what it cannot judge", () => {
    expect(policy.failurePolicy).toBe("Fail");
  });

  it("is in force, by its binding", () => {
    const { metadata } = onlyOf(objects, "ValidatingAdmissionPolicy");
    const binding = onlyOf(objects, "ValidatingAdmissionPolicyBinding").spec;
    expect(binding).toEqual({ policyName: metadata.name, validationActions: ["Deny"] });
  });

  it("knows the daemons by the account that their pods run under", () => {
    const account = onlyOf(objects, "ServiceAccount").metadata;
    expect(DAEMON).toBe(`system:serviceaccount:${account.namespace}:${account.name}`);
  });
});

/** A request to publish on `worker-1`, by a daemon with other extra values. */
function from(user: Omit<AdmissionRequest["userInfo"], "username">): AdmissionRequest {
  return {
    ...patch(annotate({ [`${PREFIX}backend-type`]: "udp" })),
    userInfo: { username: DAEMON, ...user },
  };
}

/** A request to replace all conditions, which merging would not. */
function withConditions(conditions: readonly JsonObject[]): AdmissionRequest {
  const request = patch({});
  const status = { ...(request.object.status as JsonObject), conditions: [...conditions] };
  return { ...request, object: { ...request.object, status } };
}

function without(node: JsonObject, field: string): JsonObject {
  return strategicMerge(node, { metadata: { [field]: null } });
}

function withoutConditions(node: JsonObject): JsonObject {
  return strategicMerge(node, { status: { conditions: null } });
}
