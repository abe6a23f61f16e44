import { expect, test } from "vitest";
import { tunnelOf, tunnelState } from "../../../backends/udp/plan.ts";
import { applyOnce } from "../../../src/kernel/reconcile/apply-once.ts";
import { parseIp, parsePrefix } from "../../../src/net/index.ts";
import { FakeKernel } from "../../support/fake-kernel.ts";
import { sampleNode } from "../../support/sample-node.ts";

const STATE = tunnelState(tunnelOf(sampleNode()));

test("what is missing is made, and nothing of anybody's is removed", async () => {
  const kernel = new FakeKernel();
  kernel.addDevice("eth0");
  const other = {
    dst: parsePrefix("10.244.9.0/24"),
    via: parseIp("198.18.1.9"),
    iface: "eth0",
    onlink: false,
    protocol: 116,
    metric: 0,
    mtuBytes: null,
    source: null,
  };
  kernel.putObservedRoute(other);
  await applyOnce(kernel, STATE);
  expect(kernel.links.get("flannel0")).toMatchObject({ isUp: true, mtuBytes: 1452 });
  expect(kernel.routes).toContainEqual(other);
  expect(kernel.routes.filter(({ iface }) => iface === "flannel0").map(({ dst }) => dst)).toEqual([
    "10.244.0.0/16",
    "fd00:10:244::/48",
  ]);
});

test("what cannot be made is told", async () => {
  const kernel = new FakeKernel();
  kernel.addDevice("flannel0", { kind: "dummy" });
  const before = [...kernel.links];
  kernel.apply = async (operations) => {
    const { TweedError } = await import("../../../src/runtime/error.ts");
    return operations.map(
      () => new TweedError({ code: "EPERM", operation: "create link", reason: "refused" }),
    );
  };
  await expect(applyOnce(kernel, STATE)).rejects.toMatchObject({ code: "EPERM" });
  expect([...kernel.links]).toEqual(before);
});
