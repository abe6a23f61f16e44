/** One node's lease on its Node: what is waited for, what is written, what ends it. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { LeaseContent } from "../../../src/lease/lease.ts";
import type { HeldLease } from "../../../src/lease/store.ts";
import type { JsonObject } from "../../../src/runtime/json.ts";
import { content, NO_SUBNETS, network, request } from "../../support/lease-fixtures.ts";
import { MaintainedLease } from "../../support/maintained-lease.ts";
import { PREFIX, SingleStore } from "./single-store.ts";

const CONFIG = network({ Network: "10.244.0.0/16" });
const DUAL = network({ Network: "10.244.0.0/16", EnableIPv6: true, IPv6Network: "fd00:10:244::/48" });
const OWN = content("192.0.2.1");
const CIDRS = { podCidrs: ["10.244.1.0/24"] };
const PUBLISHED = {
  "backend-data": '{"VNI":1,"VtepMAC":"0e:52:a1:00:00:07"}',
  "backend-type": "vxlan",
  "kube-subnet-manager": "true",
  "public-ip": "192.0.2.1",
};

let bed: SingleStore;
beforeEach(() => {
  bed = new SingleStore();
});
afterEach(() => bed.close());

const acquire = (config = CONFIG, published: LeaseContent = OWN) =>
  bed.store.acquire(request(config, published), bed.signal);
const seconds = (count: number) => bed.clock.sleep(count * 1_000);
const failureOf = (promise: Promise<unknown>) => promise.catch((error: unknown) => error);
const patches = () => bed.requests().filter((line) => line.startsWith("PATCH "));
const annotate = (annotations: JsonObject) =>
  bed.patch("n1", {
    metadata: {
      annotations: Object.fromEntries(
        Object.entries(annotations).map(([name, text]) => [PREFIX + name, text]),
      ),
    },
  });

const hold = (held: HeldLease) => new MaintainedLease(bed.store, held, bed.signal);

describe("a lease", () => {
  test("is published as flannel would, by one patch, and not again", async () => {
    bed.put("n1", CIDRS);
    const { lease, expiresAtMs } = await acquire();
    const createdAt = String(bed.server.standIn.nodes.get("n1")?.metadata.creationTimestamp);
    expect(lease).toEqual({
      key: "n1",
      subnets: { v4: "10.244.1.0/24", v6: null },
      claimedAt: BigInt(Date.parse(createdAt)),
      ...OWN,
    });
    expect(expiresAtMs).toBeNull();
    expect(bed.annotations("n1")).toEqual(PUBLISHED);
    await acquire();
    expect(patches()).toEqual(["PATCH /api/v1/nodes/n1/status"]);
    expect(bed.log.lines).toEqual([]);
  });

  test("is what the operator's annotations make of it, of which an unreadable one is named", async () => {
    bed.put("n1", CIDRS);
    annotate({ "public-ip-overwrite": "203.0.113.7", "node-public-ipv6": "no address" });
    const { lease } = await acquire();
    expect(lease.publicIps).toEqual({ v4: "203.0.113.7", v6: null });
    expect(bed.annotations("n1")).toMatchObject({ "public-ip": "203.0.113.7" });
    expect(bed.log.warnings()).toEqual([
      {
        level: "warn",
        message: "annotation ignored",
        fields: {
          store: "kubernetes",
          op: "read-annotations",
          key: "n1",
          reason: 'annotation node-public-ipv6 is "no address", expected an address of its family',
        },
      },
    ]);
  });
});

describe("a podCIDR", () => {
  test("is waited for, with one line, where the Node is not registered", async () => {
    const acquired = acquire();
    await seconds(120);
    bed.put("n1");
    await seconds(1);
    bed.patch("n1", { spec: { podCIDR: "10.244.3.0/24" } });
    expect((await acquired).lease.subnets.v4).toBe("10.244.3.0/24");
    expect(bed.log.warnings()).toMatchObject([
      {
        message: "waiting for the node's podCIDR",
        fields: {
          op: "acquire-lease",
          key: "n1",
          reason: "there is no node n1; its kubelet has not registered it, or NODE_NAME is wrong",
        },
      },
    ]);
  });

  test("is waited for where the controller manager has given none", async () => {
    bed.put("n1");
    const acquired = acquire();
    await seconds(1);
    bed.patch("n1", { spec: { podCIDRs: ["10.244.3.0/24"] } });
    expect((await acquired).lease.subnets.v4).toBe("10.244.3.0/24");
    expect(bed.log.warnings()).toMatchObject([
      {
        fields: {
          reason: "node n1 has no podCIDR; the controller manager gives it one (--allocate-node-cidrs)",
        },
      },
    ]);
  });

  test("outside of the network is refused, with the key of the configuration", async () => {
    bed.put("n1", { podCidrs: ["10.99.1.0/24"] });
    const expected = {
      code: "outside-network",
      retryable: true,
      message:
        "use the podCIDRs of node n1: podCIDR 10.99.1.0/24 is not within 10.244.0.0/16; Network in net-conf.json has to be the controller manager's --cluster-cidr",
    };
    expect(await failureOf(acquire())).toMatchObject(expected);
    expect(await failureOf(bed.store.checkNetwork(CONFIG, bed.signal))).toMatchObject(expected);
    expect(patches()).toEqual([]);
  });

  test("of both families is refused where neither is within its network", async () => {
    bed.put("n1", { podCidrs: ["10.99.1.0/24"] });
    expect(await failureOf(acquire(DUAL))).toMatchObject({
      message:
        "use the podCIDRs of node n1: podCIDR 10.99.1.0/24 is not within 10.244.0.0/16; the node has no podCIDR within fd00:10:244::/48; Network and IPv6Network in net-conf.json has to be the controller manager's --cluster-cidr",
    });
  });

  test("of one family is used where the other's is outside, with a line", async () => {
    bed.put("n1", { podCidrs: ["10.99.2.0/24", "fd00:10:244:2::/64"] });
    const { lease } = await acquire(DUAL, content("192.0.2.2", "2001:db8::2"));
    expect(lease.subnets).toEqual({ v4: null, v6: "fd00:10:244:2::/64" });
    expect(bed.log.warnings()).toMatchObject([
      {
        message: "address family skipped",
        fields: {
          op: "acquire-lease",
          key: "n1",
          reason:
            "podCIDR 10.99.2.0/24 is not within 10.244.0.0/16; Network in net-conf.json has to be the controller manager's --cluster-cidr",
        },
      },
    ]);
  });

  test("of a family that is off is not used", async () => {
    bed.put("n1", { podCidrs: ["10.244.1.0/24", "fd00:10:244:2::/64"] });
    expect((await acquire()).lease.subnets).toEqual({ v4: "10.244.1.0/24", v6: null });
    expect(bed.log.warnings()).toEqual([]);
  });

  test("that is none is refused as it stands", async () => {
    bed.put("n1", CIDRS);
    const node = bed.server.standIn.nodes.get("n1");
    if (node !== null) bed.server.standIn.nodes.put({ ...node, spec: { podCIDR: "junk" } });
    expect(await failureOf(acquire())).toMatchObject({
      code: "outside-network",
      message: 'use the podCIDRs of node n1: read lease: podCIDR "junk" is not a network',
    });
  });

  test("is checked against a configuration only where there is one", async () => {
    await bed.store.checkNetwork(CONFIG, bed.signal);
    bed.put("n1");
    await bed.store.checkNetwork(CONFIG, bed.signal);
    bed.patch("n1", { spec: { podCIDR: "10.244.3.0/24" } });
    await bed.store.checkNetwork(CONFIG, bed.signal);
  });
});

describe("a lease that is held", () => {
  const fates: readonly (readonly [string, () => void, string])[] = [
    ["its Node is deleted", () => bed.delete("n1"), "node n1 does not exist any more"],
    [
      "its Node is made anew",
      () => {
        bed.delete("n1");
        bed.put("n1", CIDRS);
      },
      "node n1 was deleted and created again",
    ],
    [
      "its podCIDR is another",
      () => put({ podCIDR: "10.244.2.0/24" }),
      "the node's podCIDRs are 10.244.2.0/24 now",
    ],
    [
      "there are two",
      () => put({ podCIDRs: ["10.244.2.0/24", "10.244.3.0/24"] }),
      "the node's podCIDRs are 10.244.2.0/24 and 10.244.3.0/24 now",
    ],
    ["it has no podCIDR", () => put({}), "the node's podCIDRs are gone now"],
    ["it cannot be read", () => put({ podCIDR: "junk" }), "the node's podCIDRs are junk now"],
  ];
  /** What no server takes; what is in its store may come from elsewhere. */
  const put = (spec: JsonObject) => {
    const node = bed.server.standIn.nodes.get("n1");
    if (node !== null) bed.server.standIn.nodes.put({ ...node, spec });
  };

  test.each(fates)("is lost when %s", async (_what, change, reason) => {
    bed.put("n1", CIDRS);
    const kept = hold(await acquire());
    await seconds(5);
    expect(kept.fate).toBe("kept");
    change();
    await seconds(5);
    expect(kept.fate).toBe(`lost: ${reason}`);
  });

  test("is written again where the server was restored before the first list", async () => {
    bed.put("n1", CIDRS);
    const backup = bed.server.standIn.nodes.backUp();
    const held = await acquire();
    bed.server.standIn.restore(backup, 100_000);
    expect(bed.annotations("n1")).toEqual({});
    const kept = hold(held);
    await seconds(30);
    expect([kept.fate, bed.annotations("n1")]).toEqual(["kept", PUBLISHED]);
  });

  test("stays when a family that it does not use is gone", async () => {
    bed.put("n1", { podCidrs: ["10.244.1.0/24", "fd00:10:244:1::/64"] });
    const kept = hold(await acquire());
    await seconds(5);
    put({ podCIDR: "10.244.1.0/24" });
    await seconds(5);
    expect(kept.fate).toBe("kept");
  });

  test("is written again where others change it, ever more seldom", async () => {
    bed.put("n1", CIDRS);
    hold(await acquire());
    await seconds(5);
    annotate({ "public-ip": null, "backend-type": "host-gw" });
    await seconds(1);
    expect(bed.annotations("n1")).toEqual(PUBLISHED);
    expect(bed.log.lines).toMatchObject([
      {
        level: "info",
        message: "annotations of the Node were changed, writing them again",
        fields: { op: "publish-lease", key: "n1" },
      },
    ]);
    const before = patches().length;
    for (let round = 0; round < 150; round++) {
      if (bed.annotations("n1")["public-ip"] !== undefined) annotate({ "public-ip": null });
      await seconds(2);
    }
    expect(patches().length - before).toBeGreaterThan(5);
    expect(patches().length - before).toBeLessThan(20);
  });

  test("is written again when a permission is back, with a line for each attempt that names the right", async () => {
    bed.put("n1", CIDRS);
    hold(await acquire());
    await seconds(5);
    bed.server.access.refusal = { status: 403 };
    annotate({ "public-ip": null });
    await seconds(10);
    bed.server.access.refusal = null;
    expect(bed.log.warnings().length).toBeGreaterThan(1);
    expect(bed.log.warnings()[0]).toMatchObject({
      message: "Node not updated, will retry",
      fields: {
        op: "annotate node n1",
        code: "store-auth",
        reason: expect.stringContaining("the daemon's role has to allow patch on nodes/status"),
      },
    });
    bed.log.lines.length = 0;
    await seconds(60);
    expect(bed.annotations("n1")).toEqual(PUBLISHED);
    bed.store.networkIsUp();
    bed.server.access.refusal = { status: 403 };
    await seconds(1);
    expect(bed.log.warnings()[0]?.fields.op).toBe("set NetworkUnavailable on node n1");
  });
});

describe("the condition NetworkUnavailable", () => {
  const UP = {
    type: "NetworkUnavailable",
    status: "False",
    reason: "FlannelIsUp",
    message: "Flannel is running on this node",
    lastTransitionTime: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/),
    lastHeartbeatTime: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/),
  };
  const setBy = (reason: string, status: string) =>
    bed.patchStatus("n1", { status: { conditions: [{ type: "NetworkUnavailable", status, reason }] } });

  test("is set in flannel's words once the network is up, not before", async () => {
    bed.put("n1", CIDRS);
    hold(await acquire());
    await seconds(60);
    expect(bed.condition("n1")).toBeUndefined();
    bed.store.networkIsUp();
    bed.store.networkIsUp();
    await seconds(1);
    expect(bed.condition("n1")).toEqual(UP);
    await seconds(60);
    expect(patches()).toHaveLength(2);
    expect(bed.log.lines).toMatchObject([
      {
        level: "info",
        message: "node condition NetworkUnavailable set to False",
        fields: { op: "report-network", key: "n1" },
      },
    ]);
  });

  test("of another reason is replaced at first, and then accepted as long as it is False", async () => {
    bed.put("n1", CIDRS);
    setBy("RouteCreated", "False");
    hold(await acquire());
    bed.store.networkIsUp();
    await seconds(5);
    expect(bed.condition("n1")).toMatchObject(UP);
    setBy("RouteCreated", "False");
    await seconds(60);
    expect(bed.condition("n1")).toMatchObject({ reason: "RouteCreated" });
    setBy("NoRouteCreated", "True");
    await seconds(60);
    expect(bed.condition("n1")).toMatchObject(UP);
  });

  test("that flannel has set already is not set again", async () => {
    bed.put("n1", CIDRS);
    setBy("FlannelIsUp", "False");
    hold(await acquire());
    bed.store.networkIsUp();
    await seconds(60);
    expect(patches()).toHaveLength(1);
  });

  test("is left alone with --set-node-network-unavailable=false", async () => {
    await bed.close();
    bed = new SingleStore({ setNodeNetworkUnavailable: false });
    bed.put("n1", CIDRS);
    hold(await acquire());
    bed.store.networkIsUp();
    await seconds(60);
    expect(bed.condition("n1")).toBeUndefined();
    expect(patches()).toHaveLength(1);
  });
});

describe("the store", () => {
  test("tells the agent what it is, and reads its own Node from a cache", async () => {
    expect(bed.store).toMatchObject({ name: "kubernetes", subnets: "assigned", identifiesNodes: true });
    await bed.store.publicIps(bed.signal);
    expect(bed.requests()).toEqual(["GET /api/v1/nodes/n1?resourceVersion=0"]);
  });

  test("waits for a server that is away, and not for a permission", async () => {
    bed.put("n1", CIDRS);
    bed.server.setAway(true);
    const acquired = acquire();
    await seconds(60);
    bed.server.setAway(false);
    expect((await acquired).lease.key).toBe("n1");
    bed.server.access.refusal = { status: 403 };
    expect(await failureOf(bed.store.publicIps(bed.signal))).toMatchObject({
      code: "store-auth",
      message: expect.stringMatching(/^read node n1: the API server answers 403/),
    });
  });

  test("yields the mounted configuration, and the leases of all nodes by one watch", async () => {
    bed.files.put("/etc/kube-flannel/net-conf.json", "{}");
    expect((await bed.store.configurations(bed.signal).next()).value).toBe("{}");
    bed.put("n1", CIDRS);
    const { lease } = await acquire();
    const readers = [bed.store.snapshots(bed.signal), bed.store.snapshots(bed.signal)];
    for (const reader of readers) expect((await reader.next()).value).toEqual({ leases: [lease], junk: [] });
    const next = readers.map((reader) => reader.next());
    bed.patch("n1", { metadata: { annotations: { [`${PREFIX}kube-subnet-manager`]: null } } });
    for (const snapshot of next) expect((await snapshot).value).toEqual({ leases: [], junk: [] });
    expect(bed.requests().filter((line) => line.includes("watch="))).toHaveLength(1);
  });

  test("posts notices as Events of its Node, until it is closed", async () => {
    bed.put("n1", CIDRS);
    bed.store.postNotice({ reason: "NetworkConfigRefused", message: "no JSON" });
    await seconds(1);
    expect(bed.requests()).toEqual(["POST /api/v1/namespaces/default/events"]);
    bed.server.setAway(true);
    bed.store.postNotice({ reason: "NetworkConfigRefused", message: "no JSON" });
    await seconds(1);
    await bed.store.close();
    bed.sent.length = 0;
    await seconds(120);
    expect(bed.requests()).toEqual([]);
  });

  test("knows the host by what it published, unless an operator's stands there, then by its InternalIP", async () => {
    expect(await bed.store.hostIps(bed.signal)).toEqual([]);
    expect(await bed.store.publicIps(bed.signal)).toEqual({ v4: null, v6: null });
    bed.put("n1", CIDRS);
    const addresses = [
      { type: "Hostname", address: "n1" },
      { type: "InternalIP", address: "192.0.2.44" },
    ];
    bed.patchStatus("n1", { status: { addresses } });
    await acquire();
    const internal = { v4: "192.0.2.44", v6: null };
    expect(await bed.store.hostIps(bed.signal)).toEqual([{ v4: "192.0.2.1", v6: null }, internal]);
    annotate({ "public-ip-overwrite": "203.0.113.7", "node-public-ip": "192.0.2.77" });
    expect(await bed.store.hostIps(bed.signal)).toEqual([{ v4: null, v6: null }, internal]);
    expect(await bed.store.publicIps(bed.signal)).toEqual({ v4: "192.0.2.77", v6: null });
  });

  test("finds the lease before a restart on the Node, where there is one", async () => {
    const previous = () => bed.store.previous({ content: OWN, previousSubnets: NO_SUBNETS }, bed.signal);
    expect(await previous()).toBeNull();
    bed.put("n1", CIDRS);
    expect(await previous()).toBeNull();
    const { lease } = await acquire();
    expect(await previous()).toEqual(lease);
    bed.patch("n1", { metadata: { annotations: { [`${PREFIX}backend-data`]: "x".repeat(70_000) } } });
    expect(await previous()).toBeNull();
  });

  test("lists the leases from etcd, without the Nodes of others", async () => {
    bed.put("n1", CIDRS);
    bed.put("n2", { podCidrs: ["10.244.2.0/24"] });
    const { lease } = await acquire();
    bed.sent.length = 0;
    expect(await bed.store.list(bed.signal)).toEqual([lease]);
    expect(bed.requests()).toEqual(["GET /api/v1/nodes?limit=500"]);
    bed.delete("n1");
    expect(await failureOf(bed.store.list(bed.signal))).toMatchObject({
      code: "store-emptied",
      message: expect.stringContaining("Node n1 is not listed either"),
    });
  });

  test("tells an operator what to do instead of configure and release", async () => {
    expect(await failureOf(bed.store.configure())).toMatchObject({
      code: "not-in-kubernetes",
      message:
        "write the network configuration: it is the file /etc/kube-flannel/net-conf.json; change net-conf.json in the ConfigMap that is mounted there",
    });
    expect(await failureOf(bed.store.release("n7"))).toMatchObject({
      code: "not-in-kubernetes",
      message:
        "release lease n7: a node's subnet is its podCIDR and is released with the Node; to remove the node from the network stop its daemon, then: kubectl annotate node n7 flannel.alpha.coreos.com/kube-subnet-manager-",
    });
  });

  test("is named by its pod where NODE_NAME is not given", async () => {
    await bed.close();
    bed = new SingleStore({ node: { kind: "pod", namespace: "kube-system", name: "tweed-abc" } });
    bed.put("n1", CIDRS);
    const containers = [{ name: "tweed", image: "tweed" }];
    const pod = (spec: JsonObject) => ({
      ...{ kind: "Pod", apiVersion: "v1", metadata: { name: "tweed-abc", namespace: "kube-system" } },
      spec: { containers, ...spec },
    });
    const pods = "/api/v1/namespaces/kube-system/pods";
    expect(await failureOf(acquire())).toMatchObject({ code: "store-missing" });
    bed.server.admin("POST", pods, pod({ nodeName: "" }));
    expect(await failureOf(acquire())).toMatchObject({ code: "store-missing" });
    bed.server.admin("DELETE", `${pods}/tweed-abc`);
    bed.server.admin("POST", pods, pod({}));
    expect(await failureOf(acquire())).toMatchObject({
      code: "store-missing",
      message: "find the node of pod kube-system/tweed-abc: the pod has no spec.nodeName; set NODE_NAME",
    });
    bed.server.admin("DELETE", `${pods}/tweed-abc`);
    bed.server.admin("POST", pods, pod({ nodeName: "n1" }));
    bed.sent.length = 0;
    expect((await acquire()).lease.key).toBe("n1");
    await acquire();
    expect(bed.requests().filter((line) => line.includes("/pods/"))).toEqual([`GET ${pods}/tweed-abc`]);
  });
});
