/** What of the host is in the way of pods' packets is noted as long as it lasts; the node is ready all the same. */
import { afterEach, beforeEach, expect, it } from "vitest";
import { eventually } from "../../support/eventually.ts";
import { configure, FakeNode } from "../../support/fake-node.ts";
import { MemoryCluster } from "../../support/memory-store.ts";

let cluster: MemoryCluster;
let node: FakeNode;
beforeEach(async () => {
  cluster = new MemoryCluster();
  node = await FakeNode.create(cluster, 1);
  configure(cluster, { Type: "vxlan" });
});
afterEach(() => node.remove());

const notes = () => node.notes.list().map(({ topic, reason }) => `${topic}: ${reason}`);

it("forwarding that is off is noted until it is on, and again when it is off again", async () => {
  node.hostSysctls.set("net/ipv4/ip_forward", "0");
  node.start();
  await eventually(() => node.readiness.reasons()).toEqual([]);
  const off = [expect.stringMatching(/^sysctl: net.ipv4.ip_forward is 0/)];
  expect(notes()).toEqual(off);
  node.hostSysctls.set("net/ipv4/ip_forward", "1");
  node.rules.turn();
  expect(notes()).toEqual([]);
  node.hostSysctls.set("net/ipv4/ip_forward", "0");
  node.rules.turn();
  expect(notes()).toEqual(off);
  expect(node.readiness.reasons()).toEqual([]);
});
