/** Addresses that the kernel takes for no gateway: whoever publishes one is unreached, and hurts nobody's readiness. */
import { afterEach, beforeEach, expect, it } from "vitest";
import { parseIp } from "../../../src/net/index.ts";
import { configure, FakeNode } from "../../support/fake-node.ts";
import { content, lease } from "../../support/lease-fixtures.ts";
import { MemoryCluster } from "../../support/memory-store.ts";

const PEER = "10.244.9.0-24";
let cluster: MemoryCluster;
let node: FakeNode;
beforeEach(async () => {
  cluster = new MemoryCluster();
  node = await FakeNode.create(cluster, 1);
  node.kernel.execute({
    op: "add-address",
    address: { iface: "eth0", ip: parseIp("192.0.2.99"), length: 24 },
  });
});
afterEach(() => node.remove());

it.each([
  [{ Type: "host-gw" }, "the broadcast address of the link", "192.0.2.255"],
  [{ Type: "host-gw" }, "another address of this host", "192.0.2.99"],
  [{ Type: "vxlan", DirectRouting: true }, "the broadcast address of the link", "192.0.2.255"],
])("%o: %s", async (backend, _what, ip) => {
  const data = { v4: { VNI: 1, VtepMAC: "02:00:00:00:04:09" }, v6: null };
  const offers = [{ type: backend.Type, data }] as const;
  cluster.putOther(lease(PEER, cluster.nextClaim(), { ...content(ip), offers }));
  configure(cluster, backend);
  await node.startUntilReady();
  expect(node.report.unreached).toEqual([expect.objectContaining({ peer: PEER, code: "public-ip" })]);
  expect(JSON.stringify(node.kernel.snapshot())).not.toContain(`"via":"${ip}"`);
});
