/** The host changes below a running daemon: its addresses, its MTU. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { parseIpv4 } from "../../../src/net/index.ts";
import { eventually } from "../../support/eventually.ts";
import { clusterOfOne, type FakeNode } from "../../support/fake-node.ts";
import type { MemoryCluster } from "../../support/memory-store.ts";

let cluster: MemoryCluster;
let node: FakeNode;
beforeEach(async () => {
  ({ cluster, node } = await clusterOfOne({ Type: "vxlan" }));
  await node.startUntilReady();
});
afterEach(() => node.remove());

const setMtu = (mtuBytes: number) => node.kernel.alterLink("eth0", (link) => ({ ...link, mtuBytes }));
const tunnelMtu = () => node.kernel.links.get("flannel.1")?.mtuBytes;

describe("a running daemon", () => {
  it("follows the MTU of the interface", async () => {
    setMtu(9000);
    await eventually(tunnelMtu).toBe(8950);
  });

  it("outlives an MTU that its backend cannot work with, and says so", async () => {
    setMtu(100);
    await eventually(() => node.readiness.conditions().interface).toMatch(/MTU/);
    expect(tunnelMtu()).toBe(1450);
    setMtu(1500);
    await eventually(() => node.readiness.reasons()).toEqual([]);
  });

  it("publishes the address that took the place of another", async () => {
    const [old, next] = ["192.0.2.1", "192.0.2.77"].map(parseIpv4);
    if (old === undefined || next === undefined) throw new Error("two addresses");
    node.kernel.execute({ op: "add-address", address: { iface: "eth0", ip: next, length: 24 } });
    node.kernel.execute({ op: "delete-address", address: { iface: "eth0", ip: old, length: 24 } });
    await eventually(() => [...cluster.leases.values()][0]?.publicIps.v4).toBe(next);
    await eventually(() => node.kernel.links.get("flannel.1")?.settings).toMatchObject({ local: next });
  });
});
