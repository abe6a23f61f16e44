/** What a daemon asks of the API server over its life, held against what the manifest allows it. */
import { afterAll, beforeAll, expect, test } from "vitest";
import type { JsonObject } from "../../src/runtime/json.ts";
import { eventually } from "../support/eventually.ts";
import type { SeenRequest } from "../support/kube-api/front.ts";
import { KubeBed } from "../support/kube-api/kube-bed.ts";
import { nodeObject } from "../support/kube-api/node-object.ts";
import { permissionFor } from "../support/kube-api/permission.ts";
import { strategicMerge } from "../support/kube-api/strategic-merge.ts";
import { content, network, request } from "../support/lease-fixtures.ts";
import { MaintainedLease } from "../support/maintained-lease.ts";
import { type PolicySpec, refusals } from "../support/manifests/admission.ts";
import { onlyOf, parseObjects, readDeployFile } from "../support/manifests/objects.ts";

const objects = parseObjects(await readDeployFile("kube-tweed.yml"));
const NODE = nodeObject("n1", { podCidrs: ["10.244.1.0/24"] });

let bed: KubeBed;
let seen: readonly SeenRequest[];

beforeAll(async () => {
  bed = await KubeBed.start();
  await bed.api.create(NODE);
  const store = await bed.store("n1");
  const reader = bed.reader(store);
  const stop = new AbortController();
  await store.publicIps(stop.signal);
  await store.previous(null, stop.signal);
  const held = await store.acquire(
    request(network({ Network: "10.244.0.0/16" }), content("192.0.2.1")),
    stop.signal,
  );
  const kept = new MaintainedLease(store, held, stop.signal);
  await reader.untilKeys(["n1"]);
  store.networkIsUp();
  store.postNotice({ reason: "NetworkConfigRefused", message: "Network would become 10.9.0.0/16" });
  await eventually(() => bed.api.front.seen.map(({ method }) => method)).toContain("POST");
  await eventually(() => bed.condition("n1")).toMatchObject({ status: "False" });
  stop.abort();
  await kept.ended;
  seen = [...bed.api.front.seen];
});
afterAll(() => bed.teardown());

test("is allowed by its roles, which allow nothing else", () => {
  const { namespace } = onlyOf(objects, "Role").metadata as unknown as { readonly namespace: string };
  const allowed = [
    ...permissionsOf("ClusterRole"),
    ...permissionsOf("Role").map((permission) => `${permission} in ${namespace}`),
  ];
  const asked = seen.map(({ method, url }) => permissionFor(method, url));
  expect([...new Set(asked)].sort()).toEqual(allowed.sort());
});

test("is taken by the admission policy, change by change", () => {
  const policy = onlyOf(objects, "ValidatingAdmissionPolicy").spec as unknown as PolicySpec;
  const userInfo = {
    username: "system:serviceaccount:kube-tweed:kube-tweed",
    extra: { "authentication.kubernetes.io/node-name": ["n1"] },
  };
  const changes = seen
    .filter(({ method }) => method === "PATCH")
    .map(({ body }) => JSON.parse(body) as JsonObject);
  expect(changes.length).toBeGreaterThan(1);
  let oldObject = NODE;
  for (const change of changes) {
    const object = strategicMerge(oldObject, change);
    expect(refusals(policy, { userInfo, object, oldObject }), JSON.stringify(change)).toEqual([]);
    oldObject = object;
  }
});

function permissionsOf(kind: "ClusterRole" | "Role"): string[] {
  const rules = onlyOf(objects, kind).rules as unknown as {
    readonly resources: readonly string[];
    readonly verbs: readonly string[];
  }[];
  return rules.flatMap(({ resources, verbs }) =>
    resources.flatMap((resource) => verbs.map((verb) => `${verb} ${resource}`)),
  );
}
