/** Peers turn to a backend as soon as they hear of it: so nothing is published that is not received on yet. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { eventually } from "../../support/eventually.ts";
import { configure, FakeNode } from "../../support/fake-node.ts";
import { content, lease } from "../../support/lease-fixtures.ts";
import { MemoryCluster } from "../../support/memory-store.ts";

const HOST_GW = { Type: "host-gw" };
const UDP = { Type: "udp" };
const VXLAN = { Type: "vxlan" };

const FLANNEL_NODES = [
  ["10.244.8.0-24", "192.0.2.8", { type: "host-gw", data: { v4: null, v6: null } }],
  [
    "10.244.9.0-24",
    "192.0.2.9",
    { type: "vxlan", data: { v4: { VNI: 1, VtepMAC: "0e:52:a1:00:00:09" }, v6: null } },
  ],
] as const;

let cluster: MemoryCluster;
let node: FakeNode;
/** Each publication with the devices that are up at that moment. */
let published: string[];

beforeEach(async () => {
  cluster = new MemoryCluster();
  // As flannel nodes they speak one type each, so that a backend stays in use after a change.
  for (const [key, ip, offer] of FLANNEL_NODES) {
    cluster.putOther(lease(key, cluster.nextClaim(), content(ip, null, offer)));
  }
  node = await FakeNode.create(cluster, 1);
  published = [];
  node.onPublish = (types) => {
    const up = [...node.kernel.links.values()].filter(({ name, isUp }) => name.startsWith("flannel") && isUp);
    published.push(`${types.join(", ")}; up: ${up.map(({ name }) => name).join(", ")}`);
  };
});
afterEach(() => node.remove());

const untilPublished = (text: string) => eventually(() => published.at(-1)).toBe(text);
const ownLease = () => [...cluster.leases.values()].find(({ publicIps }) => publicIps.v4 === "192.0.2.1");
const vtepMac = () => ownLease()?.offers.find(({ type }) => type === "vxlan")?.data.v4;

async function startOn(backend: { readonly Type: string }): Promise<void> {
  configure(cluster, backend);
  await node.startUntilReady();
}

describe("a change of configuration", () => {
  it("publishes the new backend when its device is up", async () => {
    await startOn(HOST_GW);
    configure(cluster, VXLAN);
    await untilPublished("vxlan, host-gw; up: flannel.1");
    expect(published).toEqual(["host-gw; up: ", "vxlan, host-gw; up: flannel.1"]);
  });

  it("waits for the data plane, however long that takes", async () => {
    await startOn(VXLAN);
    node.dataplane.fault = "port 8285 is taken";
    configure(cluster, UDP);
    await eventually(() => node.dataplane.desired).not.toBeNull();
    await node.clock.sleep(10_000);
    expect(published.at(-1)).toBe("vxlan; up: ");
    node.dataplane.fault = null;
    await untilPublished("udp, vxlan; up: flannel.1, flannel0");
  });

  it("waits for the firewall, which must let in what is new", async () => {
    await startOn(VXLAN);
    node.rules.isSlow = true;
    configure(cluster, HOST_GW);
    await node.clock.sleep(1000);
    expect(published.at(-1)).toBe("vxlan; up: ");
    node.rules.isSlow = false;
    node.rules.turn();
    await untilPublished("host-gw, vxlan; up: flannel.1");
  });
});

describe("a change of options that leaves the channel as it is", () => {
  const direct = () => ownLease()?.offers[0].data.v4;

  it("is published when the firewall lets in what is new, and the backend stays published until then", async () => {
    await startOn(VXLAN);
    node.rules.isSlow = true;
    configure(cluster, { ...VXLAN, DirectRouting: true });
    await node.clock.sleep(1000);
    expect(published).toEqual(["vxlan; up: "]);
    expect(direct()).not.toHaveProperty("DirectRouting");
    node.rules.isSlow = false;
    node.rules.turn();
    await eventually(direct).toHaveProperty("DirectRouting", true);
  });

  it("has the firewall ready before peers hear of it, and not when they turn", async () => {
    const order: string[] = [];
    await startOn(VXLAN);
    node.rules.onDesired = () => order.push("rules");
    node.onPublish = () => order.push("published");
    configure(cluster, { ...VXLAN, DirectRouting: true });
    await eventually(direct).toHaveProperty("DirectRouting", true);
    await node.clock.sleep(1000);
    expect(order).toEqual(["rules", "published"]);
  });

  it("tells the firewall after the kernel: to start a program takes a while, and paths do not wait for it", async () => {
    await startOn(HOST_GW);
    const isUp: unknown[] = [];
    node.rules.onDesired = () => isUp.push(node.kernel.links.get("flannel.1")?.isUp);
    configure(cluster, VXLAN);
    await untilPublished("vxlan, host-gw; up: flannel.1");
    expect(isUp).toEqual([true]);
  });
});

describe("a daemon that was killed in the middle of a change", () => {
  it("says again what peers know, and the new backend when its device is up", async () => {
    await startOn(HOST_GW);
    await node.kill();
    published = [];
    configure(cluster, VXLAN);
    node.start();
    await untilPublished("vxlan, host-gw; up: flannel.1");
    expect(published).toEqual(["host-gw; up: ", "vxlan, host-gw; up: flannel.1"]);
  });

  it("comes back at once on what it had published", async () => {
    await startOn(HOST_GW);
    configure(cluster, VXLAN);
    await untilPublished("vxlan, host-gw; up: flannel.1");
    await node.kill();
    published = [];
    node.start();
    await untilPublished("vxlan, host-gw; up: flannel.1");
    expect(published).toEqual(["vxlan, host-gw; up: flannel.1"]);
  });

  it("keeps the MAC address of a tunnel that peers still send to", async () => {
    await startOn(VXLAN);
    const mac = vtepMac();
    configure(cluster, HOST_GW);
    await untilPublished("host-gw, vxlan; up: flannel.1");
    await node.kill();
    node.kernel.execute({ op: "delete-link", name: "flannel.1" });
    node.start();
    await eventually(() => node.kernel.links.get("flannel.1")?.isUp).toBe(true);
    expect(vtepMac()).toEqual(mac);
  });

  it("does not bring back a backend that peers have forgotten", async () => {
    cluster.leases.clear();
    await startOn(VXLAN);
    configure(cluster, HOST_GW);
    await untilPublished("host-gw; up: flannel.1");
    await eventually(() => node.kernel.links.has("flannel.1")).toBe(false);
    await node.kill();
    published = [];
    node.start();
    await untilPublished("host-gw; up: ");
    await node.clock.sleep(5000);
    expect(published).toEqual(["host-gw; up: "]);
    expect(node.kernel.links.has("flannel.1")).toBe(false);
  });
});
