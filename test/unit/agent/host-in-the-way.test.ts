/** What of the host is in the way of pods' packets is noted as long as it lasts; the node is ready all the same. */
import { afterEach, beforeEach, expect, it } from "vitest";
import { clusterOfOne, type FakeNode } from "../../support/fake-node.ts";

let node: FakeNode;
beforeEach(async () => {
  ({ node } = await clusterOfOne({ Type: "vxlan" }));
});
afterEach(() => node.remove());

const notes = () => node.notes.list().map(({ topic, reason }) => `${topic}: ${reason}`);

it("forwarding that is off is noted until it is on, and again when it is off again", async () => {
  node.hostSysctls.set("net/ipv4/ip_forward", "0");
  await node.startUntilReady();
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
