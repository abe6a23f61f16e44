/** A node that cannot read the kernel knows nothing of its paths, and says so. */
import { afterEach, beforeEach, expect, it } from "vitest";
import { TweedError } from "../../../src/runtime/error.ts";
import { eventually } from "../../support/eventually.ts";
import { clusterOfOne, type FakeNode } from "../../support/fake-node.ts";

let node: FakeNode;
beforeEach(async () => {
  ({ node } = await clusterOfOne({ Type: "vxlan" }));
  await node.startUntilReady();
});
afterEach(() => node.remove());

it("is not ready as soon as it looks, and ready again when it can", async () => {
  node.kernel.fault = new TweedError({
    code: "EBADF",
    operation: "send netlink request",
    reason: "bad file descriptor",
    retryable: true,
  });
  // Long before everything is dumped again.
  await node.clock.sleep(6000);
  expect(node.readiness.reasons()).toEqual([
    "the kernel cannot be read or changed: send netlink request: bad file descriptor",
  ]);
  // One line for as long as it lasts.
  await node.clock.sleep(120_000);
  expect(node.readiness.isReady()).toBe(false);
  expect(node.log.warnings().filter(({ message }) => message.includes("cannot be read"))).toHaveLength(1);
  node.kernel.fault = null;
  await eventually(() => node.readiness.reasons()).toEqual([]);
});
