/** A backend beside those of the registry, with an effector that is slow and fails, in the whole agent. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { BACKENDS } from "../../../backends/registry.ts";
import { cloud } from "../../support/cloud-backend.ts";
import { eventually } from "../../support/eventually.ts";
import { configure, FakeNode } from "../../support/fake-node.ts";
import { FakeRouteTable } from "../../support/fake-route-table.ts";
import { content, lease } from "../../support/lease-fixtures.ts";
import { MemoryCluster } from "../../support/memory-store.ts";

const CLOUD = { Type: "cloud" };
const VXLAN = { Type: "vxlan" };
/** Behind the first hundred subnets, of which the node draws its own. */
const TUNNELLED = "10.244.208.0-24";
const ROUTED = "10.244.209.0-24";

let cluster: MemoryCluster;
let node: FakeNode;
let table: FakeRouteTable;
let published: string[];

beforeEach(async () => {
  cluster = new MemoryCluster();
  const vtep = { VNI: 1, VtepMAC: "0e:52:a1:00:00:08" };
  const machine = { Machine: "machine-9", Table: "main" };
  const peers = [
    [TUNNELLED, "192.0.2.8", { type: "vxlan", data: { v4: vtep, v6: null } }],
    [ROUTED, "192.0.2.9", { type: "cloud", data: { v4: machine, v6: null } }],
  ] as const;
  for (const [key, ip, offer] of peers)
    cluster.putOther(lease(key, cluster.nextClaim(), content(ip, null, offer)));
  node = await FakeNode.create(cluster, 1);
  node.backends = [...BACKENDS, cloud];
  table = new FakeRouteTable(node.clock);
  node.effectors = [node.dataplane, table];
  published = [];
  node.onPublish = (types) => published.push(types.join(", "));
});
afterEach(() => node.remove());

const unready = () =>
  Object.entries(node.readiness.conditions()).flatMap(([name, reason]) => (reason === null ? [] : [name]));
const tunnelRoutes = () =>
  node.kernel.routes.filter(({ iface }) => iface === "flannel.1").map(({ dst }) => dst);
const pathOf = (peer: string) => node.report.paths.find((path) => path.peer === peer)?.channel;

describe("a backend of a cloud's route table", () => {
  it("reaches a peer once the cloud has taken the routes", async () => {
    configure(cluster, CLOUD);
    await node.startUntilReady();
    expect(table.routes).toEqual({ "10.244.209.0/24": "machine-9" });
    expect(pathOf(ROUTED)).toBe("cloud main");
    expect(published).toEqual(["cloud"]);
  });

  it("is refused where its data says nothing, and is told of where it is of another table", async () => {
    const offer = (data: { readonly [key: string]: string }) => ({
      type: "cloud",
      data: { v4: data, v6: null },
    });
    cluster.putOther(lease("10.244.210.0-24", 90, content("192.0.2.10", null, offer({}))));
    cluster.putOther(
      lease("10.244.211.0-24", 91, content("192.0.2.11", null, offer({ Machine: "m", Table: "other" }))),
    );
    configure(cluster, CLOUD);
    await node.startUntilReady();
    expect(node.report.unreached.map(({ peer, code, reason }) => [peer, code, reason])).toEqual(
      expect.arrayContaining([
        ["10.244.210.0-24", "backend", "it names no machine"],
        ["10.244.211.0-24", "foreign-channel", "it uses cloud other, this node uses cloud main"],
      ]),
    );
  });
});

describe("a switch from vxlan to it", () => {
  beforeEach(async () => {
    configure(cluster, VXLAN);
    await node.startUntilReady();
    await eventually(tunnelRoutes).toEqual(["10.244.208.0/24"]);
  });

  it("is published when the cloud has answered, however long that takes", async () => {
    table.isSlow = true;
    configure(cluster, CLOUD);
    await eventually(unready).toEqual(["routeTable"]);
    await node.clock.sleep(20_000);
    expect(published).toEqual(["vxlan"]);
    expect(node.readiness.reasons()).toEqual([table.pending]);
    table.isSlow = false;
    await eventually(() => published.at(-1)).toBe("cloud, vxlan");
    await eventually(() => [pathOf(TUNNELLED), pathOf(ROUTED)]).toEqual(["vxlan 1", "cloud main"]);
    await eventually(unready).toEqual([]);
  });

  it("is not published while the cloud refuses, and costs the tunnel nothing", async () => {
    table.refusal = "RouteTableFull: the table has room for 50 routes";
    configure(cluster, CLOUD);
    await eventually(() => node.readiness.reasons()).toEqual([table.refusal]);
    expect(unready()).toEqual(["routeTable"]);
    await node.clock.sleep(60_000);
    expect(published).toEqual(["vxlan"]);
    expect([pathOf(TUNNELLED), tunnelRoutes()]).toEqual(["vxlan 1", ["10.244.208.0/24"]]);
    expect(node.readiness.conditions()).toMatchObject({ kernel: null, dataplane: null, subnetFile: null });
    // What happens beside it is programmed as ever.
    cluster.leases.delete(TUNNELLED);
    cluster.announce();
    await eventually(tunnelRoutes).toEqual([]);
    table.refusal = null;
    await eventually(() => node.readiness.reasons()).toEqual([]);
    await eventually(() => table.routes).toEqual({ "10.244.209.0/24": "machine-9" });
  });

  it("is taken up again by an effector that had ended", async () => {
    table.crash = "a fault of ours";
    configure(cluster, CLOUD);
    await eventually(() => node.log.lines.map(({ fields }) => fields.op)).toContain("run-effector");
    expect(tunnelRoutes()).toEqual(["10.244.208.0/24"]);
    await eventually(() => published.at(-1)).toBe("cloud, vxlan");
  });
});
