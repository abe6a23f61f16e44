/** IPv6 on an interface whose MTU leaves too little for it: IPv4 goes on, and nothing offers IPv6. */
import { readFile } from "node:fs/promises";
import { afterEach, beforeEach, describe, expect, it, test } from "vitest";
import { activateBackend } from "../../../src/agent/switch-over/active-backend.ts";
import { withoutIpv6BelowMinimumMtu } from "../../../src/agent/underlay/ipv6-minimum-mtu.ts";
import { parseNetworkConfig } from "../../../src/config/network-config.ts";
import { parseIpv6 } from "../../../src/net/index.ts";
import type { JsonObject } from "../../../src/runtime/json.ts";
import { eventually } from "../../support/eventually.ts";
import { FakeNode } from "../../support/fake-node.ts";
import { MemoryCluster } from "../../support/memory-store.ts";
import { sampleNode } from "../../support/sample-node.ts";

const textOf = (backend: JsonObject) =>
  JSON.stringify({
    Network: "10.244.0.0/16",
    EnableIPv6: true,
    IPv6Network: "fd00:10:244::/48",
    Backend: backend,
  });

describe("IPv6 is skipped", () => {
  test.each([
    ["vxlan", { Type: "vxlan" }, 1280, 1210],
    ["vxlan", { Type: "vxlan" }, 1349, 1279],
    ["udp", { Type: "udp" }, 1327, 1279],
    ["host-gw", { Type: "host-gw" }, 1279, 1279],
  ])("by %s on an MTU that leaves too little", (_title, options, mtuBytes, left) => {
    const { host, missingFamilies } = fitted(options, mtuBytes);
    expect([host.iface.ips.v6, host.publicIps.v6, host.networks.v6]).toEqual([null, null, null]);
    expect(host.iface.ips.v4).not.toBeNull();
    expect(missingFamilies).toEqual([expect.stringContaining(`leaves ${left} with `)]);
  });

  test.each([
    ["vxlan", { Type: "vxlan" }, 1350],
    ["udp", { Type: "udp" }, 1328],
    ["host-gw", { Type: "host-gw" }, 1280],
  ])("not by %s on an MTU that is enough", (_title, options, mtuBytes) => {
    expect(fitted(options, mtuBytes).missingFamilies).toEqual([]);
  });
});

function fitted(options: JsonObject, mtuBytes: number) {
  const host = sampleNode();
  const found = { host: { ...host, iface: { ...host.iface, mtuBytes } }, missingFamilies: [] };
  return withoutIpv6BelowMinimumMtu(found, activateBackend(parseNetworkConfig(textOf(options), "test")));
}

describe("a node on an MTU of 1280", () => {
  let node: FakeNode;
  beforeEach(async () => {
    const cluster = new MemoryCluster();
    node = await FakeNode.create(cluster, 1);
    const address = { iface: "eth0", ip: parseIpv6("2001:db8::1"), length: 64 };
    node.kernel.execute({ op: "add-address", address });
    setMtu(1280);
    cluster.configuration = textOf({ Type: "vxlan" });
    cluster.announce();
  });
  afterEach(() => node.remove());

  const setMtu = (mtuBytes: number) => node.kernel.alterLink("eth0", (link) => ({ ...link, mtuBytes }));
  const subnetFile = () => readFile(node.subnetFile, "utf8").catch(() => "");

  it("serves IPv4, offers no IPv6 and says why; with more it serves both", async () => {
    node.start();
    await eventually(subnetFile).toContain("FLANNEL_MTU=1230");
    expect(await subnetFile()).not.toContain("IPV6");
    expect([...node.kernel.links.keys()]).toEqual(["eth0", "flannel.1"]);
    expect(node.readiness.reasons()).toEqual([
      "IPv6 is skipped: the MTU of eth0 is 1280, which leaves 1210 with vxlan 1; IPv6 needs 1280",
    ]);
    setMtu(1500);
    await eventually(() => node.readiness.reasons()).toEqual([]);
    await eventually(subnetFile).toContain("FLANNEL_IPV6_SUBNET");
    expect(node.kernel.links.has("flannel-v6.1")).toBe(true);
  });
});
