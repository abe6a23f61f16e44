/** What the admission policy lets a daemon do, on requests as the API server shows them to it. */
import { describe, expect, it } from "vitest";
import { ANNOTATIONS } from "../../../src/lease/kubernetes/annotation-names.ts";
import type { JsonObject } from "../../../src/runtime/json.ts";
import { strategicMerge } from "../../support/kube-api/strategic-merge.ts";
import { type AdmissionRequest, type PolicySpec, refusals } from "../../support/manifests/admission.ts";
import {
  type AdmissionRow,
  ALLOWED,
  annotate,
  BOUND_TO,
  DAEMON,
  NODE,
  NODE_NAME,
  OF_NODE,
  PREFIX,
  REFUSED,
  REFUSED_USERS,
} from "../../support/manifests/admission-rows.ts";
import { onlyOf, parseObjects, readDeployFile } from "../../support/manifests/objects.ts";

const objects = parseObjects(await readDeployFile("kube-tweed.yml"));
const policy = onlyOf(objects, "ValidatingAdmissionPolicy").spec as unknown as PolicySpec;

const MANAGED = {
  metadata: { managedFields: [{ manager: "tweed", operation: "Update", subresource: "status" }] },
};

/** A daemon of `worker-1` that changes its node. */
function requestOf({ from, change, conditions }: Omit<AdmissionRow, "title">): AdmissionRequest {
  const changed = strategicMerge(strategicMerge(from, change), MANAGED);
  const status = changed.status as JsonObject;
  return {
    userInfo: { username: DAEMON, extra: { [BOUND_TO]: [NODE_NAME] } },
    oldObject: from,
    object:
      conditions === undefined ? changed : { ...changed, status: { ...status, conditions: [...conditions] } },
  };
}

describe("a daemon may", () => {
  it.each(ALLOWED.map((row) => [row.title, row] as const))("%s", (_title, row) => {
    expect(refusals(policy, requestOf(row))).toEqual([]);
  });

  it("publish every annotation that the code has, but for the operator's", () => {
    const operators = ["publicIpOverwrite", "publicIpv6Overwrite", "nodePublicIp", "nodePublicIpv6"];
    for (const [name, annotation] of Object.entries(ANNOTATIONS)) {
      const request = requestOf({ from: NODE, change: annotate({ [PREFIX + annotation]: "changed" }) });
      expect(refusals(policy, request), annotation).toHaveLength(operators.includes(name) ? 1 : 0);
    }
  });
});

describe("a daemon may not", () => {
  it.each(REFUSED.map((row) => [row.title, row] as const))("%s", (_title, row) => {
    expect(refusals(policy, requestOf(row))).toEqual([row.message]);
  });

  it.each(REFUSED_USERS.map((row) => [row.title, row] as const))("%s", (_title, { extra }) => {
    const request = requestOf({ from: NODE, change: annotate({ [`${PREFIX}backend-type`]: "udp" }) });
    const userInfo = { username: DAEMON, ...(extra === null ? {} : { extra }) };
    expect(refusals(policy, { ...request, userInfo })).toEqual([OF_NODE]);
  });
});

describe("the policy", () => {
  it.each([
    ["the kubelet", { username: "system:node:worker-1", groups: ["system:nodes"] }],
    ["an administrator", { username: "kubernetes-admin", groups: ["system:masters"] }],
    ["flannel", { username: "system:serviceaccount:kube-flannel:flannel" }],
  ])("does not concern %s", (_who, userInfo) => {
    const { object, oldObject } = requestOf({ from: NODE, change: { metadata: { labels: { a: "b" } } } });
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
