/** Another lease names the MAC of this node's tunnel. */
import { existsSync } from "node:fs";
import { rm } from "node:fs/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { holdersFile } from "../../../src/agent/holders-file.ts";
import { parseIpv4 } from "../../../src/net/index.ts";
import { eventually } from "../../support/eventually.ts";
import { clusterOfOne, type FakeNode } from "../../support/fake-node.ts";
import { lease } from "../../support/lease-fixtures.ts";
import type { MemoryCluster } from "../../support/memory-store.ts";

/** Behind the first hundred subnets, of which the node draws its own. */
const OTHER = "10.244.200.0-24";
let cluster: MemoryCluster;
let node: FakeNode;
beforeEach(async () => {
  ({ cluster, node } = await clusterOfOne({ Type: "vxlan" }));
  await node.startUntilReady();
});
afterEach(() => node.remove());

const deviceMac = () => node.kernel.links.get("flannel.1")?.mac;
const ownLease = () => [...cluster.leases.values()].find(({ publicIps }) => publicIps.v4 === "192.0.2.1");
const publishedMac = () => (ownLease()?.offers[0].data.v4 as { VtepMAC: string } | undefined)?.VtepMAC;
const unreached = () => node.report.unreached.map(({ peer, code }) => `${peer} ${code}`);

/** @param claimedAt 0 is older than every claim */
function publish(mac: string | null | undefined, claimedAt: bigint): void {
  const publicIps = { v4: parseIpv4("192.0.2.9"), v6: null };
  const data = { v4: { VNI: 1, VtepMAC: mac ?? "" }, v6: null };
  cluster.putOther(lease(OTHER, claimedAt, { publicIps, offers: [{ type: "vxlan", data }] }));
  cluster.announce();
}

describe("a lease with this node's MAC", () => {
  it("that came later is refused by name, and nothing changes", async () => {
    const mac = deviceMac();
    publish(mac, 100n);
    await eventually(unreached).toEqual([`${OTHER} duplicate-mac`]);
    expect([deviceMac(), publishedMac()]).toEqual([mac, mac]);
    expect(node.kernel.fdb).toEqual([]);
    // A new plan is programmed in a pass of its own.
    await eventually(() => node.readiness.reasons()).toEqual([]);
  });

  it("that is older has it: this node takes another and publishes that", async () => {
    const mac = deviceMac();
    publish(mac, 0n);
    await eventually(deviceMac).not.toBe(mac);
    await eventually(() => [publishedMac(), unreached()]).toEqual([deviceMac(), []]);
    const fields = { op: "choose-mac", code: "duplicate-mac", peer: OTHER, family: "v4" };
    expect(node.log.lines).toContainEqual(
      expect.objectContaining({ level: "warn", fields: expect.objectContaining(fields) }),
    );
  });

  it("that came while the daemon was stopped changes nothing either", async () => {
    const mac = deviceMac();
    await eventually(() => existsSync(holdersFile(node.subnetFile))).toBe(true);
    await node.kill();
    publish(mac, 100n);
    node.start();
    await eventually(unreached).toEqual([`${OTHER} duplicate-mac`]);
    await eventually(() => node.readiness.reasons()).toEqual([]);
    expect([deviceMac(), publishedMac()]).toEqual([mac, mac]);
  });

  it("is not taken up by a daemon that starts, from the device or from its own last lease", async () => {
    await node.kill();
    const mac = deviceMac();
    publish(mac, 100n);
    // As a host that booted: without it, the daemon knows that it had the MAC first.
    await rm(holdersFile(node.subnetFile));
    node.start();
    await eventually(deviceMac).not.toBe(mac);
    await eventually(() => deviceMac() === publishedMac()).toBe(true);
    await eventually(() => node.kernel.fdb).toMatchObject([{ mac, remote: "192.0.2.9" }]);
  });
});
