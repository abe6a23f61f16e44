/** One node's lease in the Kubernetes API: what is written on the Node, and what is done when it does not stay. */
import { writeFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { KubernetesStore } from "../../src/lease/kubernetes/store.ts";
import type { LeaseContent } from "../../src/lease/lease.ts";
import type { HeldLease } from "../../src/lease/store.ts";
import { eventually } from "../support/eventually.ts";
import { flannelAnnotations, KubeBed, PREFIX, prefixed } from "../support/kube-api/kube-bed.ts";
import { nodeObject } from "../support/kube-api/node-object.ts";
import { content, network, request } from "../support/lease-fixtures.ts";
import { MaintainedLease } from "../support/maintained-lease.ts";

const CONFIG = network({ Network: "10.244.0.0/16" });
const DUAL = network({ Network: "10.244.0.0/16", EnableIPv6: true, IPv6Network: "fd00:10:244::/48" });
const OWN = content("192.0.2.1");

let bed: KubeBed;
beforeAll(async () => {
  bed = await KubeBed.start();
});
afterAll(() => bed.teardown());
let stop: AbortController;
let keeping: MaintainedLease[] = [];
beforeEach(() => {
  stop = new AbortController();
});
afterEach(async () => {
  stop.abort();
  for (const { ended } of keeping) await ended;
  keeping = [];
  await bed.clear();
});

async function acquire(store: KubernetesStore, published: LeaseContent = OWN, config = CONFIG) {
  return store.acquire(request(config, published), stop.signal);
}

/** Starts keeping, with the network up, without waiting for its end. */
async function beginKeeping(store: KubernetesStore, published: LeaseContent = OWN): Promise<MaintainedLease> {
  const held = await acquire(store, published);
  store.networkIsUp();
  return keep(store, held);
}

function keep(store: KubernetesStore, held: HeldLease): MaintainedLease {
  const kept = new MaintainedLease(store, held, stop.signal);
  keeping.push(kept);
  return kept;
}

/** Has the daemon write an annotation again: what it meant to do before that it has done by then. */
async function repairOne(): Promise<void> {
  await bed.api.patch("n1", { metadata: { annotations: { [`${PREFIX}public-ip`]: null } } });
  await eventually(() => bed.annotations("n1")).toMatchObject({ "public-ip": "192.0.2.1" });
}

const patches = () => bed.api.front.seen.filter(({ method }) => method === "PATCH");

describe("a node's annotations", () => {
  test("are what flannel would write, patched through the status", async () => {
    await bed.api.create(nodeObject("n1", { podCidrs: ["10.244.1.0/24"] }));
    const store = await bed.store("n1");
    const { lease, expiresAtMs } = await acquire(store);
    expect(await bed.annotations("n1")).toEqual({
      "backend-data": '{"VNI":1,"VtepMAC":"0e:52:a1:00:00:07"}',
      "backend-type": "vxlan",
      "kube-subnet-manager": "true",
      "public-ip": "192.0.2.1",
    });
    expect(lease).toMatchObject({ key: "n1", subnets: { v4: "10.244.1.0/24", v6: null }, ...OWN });
    expect(expiresAtMs).toBeNull();
    expect(patches().map(({ url }) => url)).toEqual(["/api/v1/nodes/n1/status"]);
  });

  test("are not written again when they are there already", async () => {
    await bed.api.create(nodeObject("n1", { podCidrs: ["10.244.1.0/24"] }));
    const store = await bed.store("n1");
    await acquire(store);
    await acquire(store);
    expect(patches()).toHaveLength(1);
  });

  test("that no longer apply are taken away, and nobody else's are touched", async () => {
    const stale = { "backend-v6-data": "null", "public-ipv6": "2001:db8::1", "tweed-offers": "[]" };
    const annotations = { ...flannelAnnotations("192.0.2.9"), ...prefixed(stale), "example.com/mine": "yes" };
    await bed.api.create(nodeObject("n1", { podCidrs: ["10.244.1.0/24"], annotations }));
    await acquire(await bed.store("n1"), {
      ...OWN,
      offers: [{ type: "host-gw", data: { v4: null, v6: null } }],
    });
    expect(await bed.annotations("n1")).toEqual({
      "backend-data": "null",
      "backend-type": "host-gw",
      "kube-subnet-manager": "true",
      "public-ip": "192.0.2.1",
    });
    const { metadata } = await bed.api.get("n1");
    expect(metadata).toMatchObject({ annotations: { "example.com/mine": "yes" } });
  });

  test("of both families and several backends are read back as they were meant", async () => {
    await bed.api.create(nodeObject("n1", { podCidrs: ["fd00:10:244:1::/64", "10.244.1.0/24"] }));
    const mac = (last: string) => ({ VNI: 1, VtepMAC: `0e:52:a1:00:00:${last}` });
    const published: LeaseContent = {
      ...content("192.0.2.1", "2001:db8::1"),
      offers: [
        { type: "vxlan", data: { v4: mac("07"), v6: mac("08") } },
        { type: "host-gw", data: { v4: null, v6: null } },
      ],
    };
    const store = await bed.store("n1");
    const { lease } = await acquire(store, published, DUAL);
    expect(lease).toMatchObject({ subnets: { v4: "10.244.1.0/24", v6: "fd00:10:244:1::/64" }, ...published });
    const previous = await store.previous(
      { content: OWN, previousSubnets: { v4: null, v6: null } },
      stop.signal,
    );
    expect(previous).toEqual(lease);
    expect(await bed.annotations("n1")).toMatchObject({
      "backend-v6-data": '{"VNI":1,"VtepMAC":"0e:52:a1:00:00:08"}',
      "public-ipv6": "2001:db8::1",
      "tweed-offers": '[{"BackendType":"host-gw"}]',
    });
  });

  test("of an operator replace what is published, at any time, and name addresses for this node", async () => {
    const annotations = prefixed({ "public-ip-overwrite": "203.0.113.7", "node-public-ip": "192.0.2.77" });
    await bed.api.create(nodeObject("n1", { podCidrs: ["10.244.1.0/24"], annotations }));
    const store = await bed.store("n1");
    expect(await store.publicIps(stop.signal)).toEqual({ v4: "192.0.2.77", v6: null });
    await beginKeeping(store);
    expect(await bed.annotations("n1")).toMatchObject({ "public-ip": "203.0.113.7" });
    await bed.api.patch("n1", {
      metadata: { annotations: { [`${PREFIX}public-ip-overwrite`]: "203.0.113.8" } },
    });
    await eventually(() => bed.annotations("n1")).toMatchObject({ "public-ip": "203.0.113.8" });
    await bed.api.patch("n1", { metadata: { annotations: { [`${PREFIX}public-ip-overwrite`]: null } } });
    await eventually(() => bed.annotations("n1")).toMatchObject({ "public-ip": "192.0.2.1" });
  });

  test("are written once, though the watch tells of it late", async () => {
    await bed.api.create(nodeObject("n1", { podCidrs: ["10.244.1.0/24"] }));
    const store = await bed.store("n1");
    await bed.reader(store).until(() => true);
    await eventually(() => bed.api.front.seen.map(({ url }) => url)).toContainEqual(
      expect.stringContaining("watch="),
    );
    bed.api.front.stall("watches");
    await beginKeeping(store);
    await eventually(() => bed.condition("n1")).toBeDefined();
    expect(patches()).toHaveLength(2);
    bed.api.front.flow();
    await repairOne();
    expect(patches()).toHaveLength(3);
  });

  test("are written again when somebody takes them away", async () => {
    await bed.api.create(nodeObject("n1", { podCidrs: ["10.244.1.0/24"] }));
    await beginKeeping(await bed.store("n1"));
    await repairOne();
  });

  test("have the prefix of the flag", async () => {
    await bed.api.create(nodeObject("n1", { podCidrs: ["10.244.1.0/24"] }));
    await acquire(await bed.store("n1", { annotationPrefix: "example.com/net" }));
    const { metadata } = await bed.api.get("n1");
    expect(metadata).toMatchObject({ annotations: { "example.com/net-kube-subnet-manager": "true" } });
  });
});

describe("the podCIDR", () => {
  test("is waited for, with one line in the log and no poll", async () => {
    await bed.api.create(nodeObject("n1"));
    const store = await bed.store("n1");
    const acquired = acquire(store);
    await eventually(() => bed.log.text()).toContain("has no podCIDR");
    await sleep(100);
    await bed.api.patch("n1", { spec: { podCIDR: "10.244.3.0/24", podCIDRs: ["10.244.3.0/24"] } });
    expect((await acquired).lease.subnets.v4).toBe("10.244.3.0/24");
    // It looks at its Node, lists, watches, and annotates.
    expect(bed.api.front.seen.map(({ method }) => method)).toEqual(["GET", "GET", "GET", "PATCH"]);
    expect(bed.log.warnings()).toHaveLength(1);
  });

  test("is waited for where the node is not registered yet", async () => {
    const acquired = acquire(await bed.store("n1"));
    await eventually(() => bed.log.text()).toContain("there is no node n1");
    await bed.api.create(nodeObject("n1", { podCidrs: ["10.244.4.0/24"] }));
    expect((await acquired).lease.subnets.v4).toBe("10.244.4.0/24");
  });

  test("outside the network is refused, of one family costs only that", async () => {
    await bed.api.create(nodeObject("n1", { podCidrs: ["10.99.1.0/24"] }));
    await expect(acquire(await bed.store("n1"))).rejects.toMatchObject({
      code: "outside-network",
      message: expect.stringContaining("Network in net-conf.json has to be"),
      // The Node may be made anew, and the configuration may be corrected.
      retryable: true,
    });
    await bed.api.create(nodeObject("n2", { podCidrs: ["10.99.2.0/24", "fd00:10:244:2::/64"] }));
    const { lease } = await acquire(await bed.store("n2"), content("192.0.2.2", "2001:db8::2"), DUAL);
    expect(lease.subnets).toEqual({ v4: null, v6: "fd00:10:244:2::/64" });
  });

  test("that nobody can read ends the lease, and not the daemon", async () => {
    const { standIn } = bed.api;
    if (standIn === null) return;
    await bed.api.create(nodeObject("n1", { podCidrs: ["10.244.1.0/24"] }));
    const kept = await beginKeeping(await bed.store("n1"));
    // No server takes this; what is in its store may come from elsewhere.
    const node = standIn.nodes.get("n1");
    if (node !== null) standIn.nodes.put({ ...node, spec: { podCIDR: "junk", podCIDRs: ["junk"] } });
    await eventually(() => kept.fate).toContain("junk");
  });

  test("lost with its node ends the lease", async () => {
    await bed.api.create(nodeObject("n1", { podCidrs: ["10.244.1.0/24"] }));
    const kept = await beginKeeping(await bed.store("n1"));
    await bed.api.delete("n1");
    await eventually(() => kept.fate).toContain("node n1 does not exist");
  });

  test("of a node made anew is another lease", async () => {
    await bed.api.create(nodeObject("n1", { podCidrs: ["10.244.1.0/24"] }));
    const store = await bed.store("n1");
    const kept = await beginKeeping(store);
    await bed.api.delete("n1");
    await eventually(() => kept.fate).toContain("node n1 does not exist");
    await bed.api.create(nodeObject("n1", { podCidrs: ["10.244.9.0/24"] }));
    expect((await acquire(store)).lease.subnets.v4).toBe("10.244.9.0/24");
    expect(await bed.annotations("n1")).toMatchObject({ "kube-subnet-manager": "true" });
  });
});

describe("the condition NetworkUnavailable", () => {
  const UP = {
    type: "NetworkUnavailable",
    status: "False",
    reason: "FlannelIsUp",
    message: "Flannel is running on this node",
    lastTransitionTime: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/),
    lastHeartbeatTime: expect.stringMatching(/Z$/),
  };
  const unavailable = {
    conditions: [{ type: "NetworkUnavailable", status: "True", reason: "NoRouteCreated" }],
  };

  test("is set in flannel's words, beside the kubelet's, and set again", async () => {
    await bed.api.create(nodeObject("n1", { podCidrs: ["10.244.1.0/24"] }));
    await beginKeeping(await bed.store("n1"));
    await eventually(() => bed.condition("n1")).toEqual(UP);
    const { status } = await bed.api.get("n1");
    expect(status).toMatchObject({ conditions: [{ type: "NetworkUnavailable" }, { type: "Ready" }] });
    await bed.api.patchStatus("n1", unavailable);
    await eventually(() => bed.condition("n1")).toMatchObject({ status: "False" });
  });

  test("is not set before the network is up, and then at once", async () => {
    await bed.api.create(nodeObject("n1", { podCidrs: ["10.244.1.0/24"] }));
    const store = await bed.store("n1");
    keep(store, await acquire(store));
    await repairOne();
    expect(await bed.condition("n1")).toBeUndefined();
    store.networkIsUp();
    await eventually(() => bed.condition("n1")).toMatchObject({ status: "False" });
    store.networkIsUp();
    await repairOne();
    expect(patches()).toHaveLength(4);
  });

  test("is tried until it holds", async () => {
    await bed.api.create(nodeObject("n1", { podCidrs: ["10.244.1.0/24"] }));
    const store = await bed.store("n1");
    const held = await acquire(store);
    store.networkIsUp();
    bed.api.front.refusal = { status: 403 };
    keep(store, held);
    await eventually(() => bed.log.text()).toContain("the daemon's role has to allow");
    bed.api.front.refusal = null;
    await eventually(() => bed.condition("n1")).toMatchObject({ status: "False" });
  });

  test("is left alone with --set-node-network-unavailable=false", async () => {
    await bed.api.create(nodeObject("n1", { podCidrs: ["10.244.1.0/24"] }));
    await beginKeeping(await bed.store("n1", { setNodeNetworkUnavailable: false }));
    await repairOne();
    expect(await bed.condition("n1")).toBeUndefined();
  });
});

test("the host is known by what it published, unless an operator's stands in its place, then by its InternalIP", async () => {
  await bed.api.create(nodeObject("n1", { podCidrs: ["10.244.1.0/24"] }));
  const addresses = [
    { type: "Hostname", address: "n1" },
    { type: "InternalIP", address: "192.0.2.44" },
  ];
  await bed.api.patchStatus("n1", { addresses });
  const store = await bed.store("n1");
  const internal = { v4: "192.0.2.44", v6: null };
  expect(await store.hostIps(stop.signal)).toEqual([{ v4: null, v6: null }, internal]);
  await acquire(store);
  expect(await store.hostIps(stop.signal)).toEqual([{ v4: "192.0.2.1", v6: null }, internal]);
  const overwrite = { [`${PREFIX}public-ip-overwrite`]: "203.0.113.7" };
  await bed.api.patch("n1", { metadata: { annotations: overwrite } });
  await eventually(() => store.hostIps(stop.signal)).toEqual([{ v4: null, v6: null }, internal]);
});

test("a Node that is made anew under the same name is another node", async () => {
  const fields = { podCidrs: ["10.244.1.0/24"] };
  await bed.api.create(nodeObject("n1", fields));
  const kept = await beginKeeping(await bed.store("n1"));
  await repairOne();
  await bed.api.delete("n1");
  await bed.api.create(nodeObject("n1", fields));
  await eventually(() => kept.fate).toMatch(
    /^lost: .*(?:does not exist any more|was deleted and created again)/,
  );
});

describe("the node's name", () => {
  test("comes from the pod where it is not given", async () => {
    await bed.api.create(nodeObject("n1", { podCidrs: ["10.244.1.0/24"] }));
    const pod = {
      kind: "Pod",
      apiVersion: "v1",
      metadata: { name: "tweed-abc", namespace: "kube-system" },
      spec: { nodeName: "n1", containers: [{ name: "tweed", image: "tweed" }] },
    };
    await bed.api.create(pod, "/api/v1/namespaces/kube-system/pods");
    const store = await bed.store("n1", {
      node: { kind: "pod", namespace: "kube-system", name: "tweed-abc" },
    });
    expect((await acquire(store)).lease.key).toBe("n1");
  });
});

describe("an operator", () => {
  test("is told what to do instead of configure and release", async () => {
    const store = await bed.store("n1");
    await expect(store.configure()).rejects.toThrow(/ConfigMap/);
    await expect(store.release("n1")).rejects.toThrow(
      /kubectl annotate node n1 flannel.alpha.coreos.com\/kube-subnet-manager-/,
    );
  });

  test("changes the configuration in the mounted file", async () => {
    const store = await bed.store("n1");
    const configurations = store.configurations(stop.signal);
    expect((await configurations.next()).value).toBe('{"Network":"10.244.0.0/16"}');
    await writeFile(bed.configFile, '{"Network":"10.245.0.0/16"}');
    expect((await configurations.next()).value).toBe('{"Network":"10.245.0.0/16"}');
    await configurations.return();
  });
});
