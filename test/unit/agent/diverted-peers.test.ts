/** Routes and rules of others inside the network: they stay, and the peer that they divert is named in status and log. */
import { afterEach, beforeEach, expect, it } from "vitest";
import type { ObservedRoute } from "../../../src/kernel/observed.ts";
import { parsePrefix } from "../../../src/net/index.ts";
import { configure, FakeNode } from "../../support/fake-node.ts";
import { content, lease } from "../../support/lease-fixtures.ts";
import { MemoryCluster } from "../../support/memory-store.ts";

const PEER = "10.244.9.0-24";
let cluster: MemoryCluster;
let node: FakeNode;
beforeEach(async () => {
  cluster = new MemoryCluster();
  cluster.putOther(lease(PEER, cluster.nextClaim(), content("192.0.2.9")));
  node = await FakeNode.create(cluster, 1);
  node.kernel.addDevice("cni0", { kind: "bridge" });
  configure(cluster, { Type: "vxlan" });
});
afterEach(() => node.remove());

function route(dst: string, over: Partial<ObservedRoute>): ObservedRoute {
  const common = { via: null, iface: null, onlink: false, metric: 0, mtuBytes: null, source: null };
  return { ...common, dst: parsePrefix(dst), protocol: 2, ...over };
}
const told = () =>
  node.log.lines.flatMap(({ fields, message }) => (message.includes("diverted") ? [fields.code] : []));

it.each<[string, ObservedRoute]>([
  ["the route of a bridge", route("10.244.9.0/24", { iface: "cni0" })],
  ["an administrator's", route("10.244.9.0/24", { iface: "eth0", protocol: 4 })],
  ["a leftover that drops a part", route("10.244.9.0/26", { protocol: 12 })],
])("%s", async (_what, foreign) => {
  node.kernel.putObservedRoute(foreign);
  await node.startUntilReady();
  expect(node.kernel.routes).toContainEqual(foreign);
  expect(node.report.unreached).toEqual([expect.objectContaining({ peer: PEER, code: "foreign-route" })]);
  expect(told()).toEqual(["foreign-route"]);
});

it("a rule", async () => {
  const routes = [{ dst: parsePrefix("0.0.0.0/0"), iface: "eth0", isThrow: false }];
  const ends = { source: null, destination: null };
  node.kernel.rules = [{ family: "v4", priority: 100, table: 51, ...ends, routes }];
  await node.startUntilReady();
  expect(node.report.unreached).toEqual([expect.objectContaining({ peer: PEER, code: "foreign-rule" })]);
  expect(told()).toEqual(["foreign-rule"]);
});
