/** What a daemon asks of the API server over its life, held against what the manifest allows it. */
import { afterAll, beforeAll, expect, test } from "vitest";
import type { JsonObject } from "../../src/runtime/json.ts";
import { eventually } from "../support/kube-api/eventually.ts";
import type { SeenRequest } from "../support/kube-api/front.ts";
import { KubeBed } from "../support/kube-api/kube-bed.ts";
import { nodeObject } from "../support/kube-api/node-object.ts";
import { strategicMerge } from "../support/kube-api/strategic-merge.ts";
import { content, network, request } from "../support/lease-fixtures.ts";
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
  const lost = store.keep(held, stop.signal).catch(() => "stopped");
  await reader.until(({ leases }) => leases.length > 0);
  await eventually(async () => (await bed.condition("n1"))?.status === "False");
  stop.abort();
  await lost;
  seen = [...bed.api.front.seen];
});
afterAll(() => bed.teardown());

test("is allowed by the ClusterRole, which allows nothing else", () => {
  const rules = onlyOf(objects, "ClusterRole").rules as unknown as {
    readonly resources: readonly string[];
    readonly verbs: readonly string[];
  }[];
  const allowed = rules.flatMap(({ resources, verbs }) =>
    resources.flatMap((resource) => verbs.map((verb) => `${verb} ${resource}`)),
  );
  expect([...new Set(seen.map(permissionFor))].sort()).toEqual(allowed.sort());
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

/** As the API server names it to its authorizers: "patch nodes/status". */
function permissionFor({ method, url }: SeenRequest): string {
  const { pathname, searchParams } = new URL(url, "https://api");
  const [, resource = "", name, subresource] =
    /^\/api\/v1\/([^/]+)(?:\/([^/]+))?(?:\/([^/]+))?$/.exec(pathname) ?? [];
  const what = subresource === undefined ? resource : `${resource}/${subresource}`;
  if (method !== "GET") return `${method.toLowerCase()} ${what}`;
  if (name !== undefined) return `get ${what}`;
  return `${searchParams.has("watch") ? "watch" : "list"} ${what}`;
}
