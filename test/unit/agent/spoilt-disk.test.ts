/** The run directory cannot be written, or the daemon dies while it writes: the node says so, and comes back by itself. */
import { afterEach, beforeEach, expect, it } from "vitest";
import { eventually } from "../../support/eventually.ts";
import { clusterOfOne, type FakeNode } from "../../support/fake-node.ts";
import { MemoryDisk } from "../../support/memory-disk.ts";
import { MemoryFiles } from "../../support/memory-files.ts";

let node: FakeNode;
let disk: MemoryDisk;
beforeEach(async () => {
  ({ node } = await clusterOfOne({ Type: "vxlan" }));
  disk = new MemoryDisk(() => node.clock.wallMs());
  node.files = new MemoryFiles(disk);
});
afterEach(() => node.remove());

const subnetFile = () => new MemoryFiles(disk).text(node.subnetFile) ?? "";

it.each([
  ["full", { freeBytes: 10 }, "ENOSPC"],
  ["read-only", { isReadOnly: true }, "EROFS"],
] as const)("a disk that is %s costs readiness until it is not", async (_what, spoilt, reason) => {
  Object.assign(disk, spoilt);
  node.start();
  await eventually(() => node.readiness.conditions().subnetFile).toContain(reason);
  expect(subnetFile()).toBe("");
  Object.assign(disk, { freeBytes: 1_000_000, isReadOnly: false });
  await eventually(() => node.readiness.reasons()).toEqual([]);
  expect(subnetFile()).toContain("FLANNEL_MTU=");
});

it("a daemon that is killed at any step of what it writes is followed by one that is ready", async () => {
  await node.startUntilReady();
  const whole = subnetFile();
  for (let step = 0; step < 30; step += 3) {
    disk = new MemoryDisk(() => node.clock.wallMs());
    const files = new MemoryFiles(disk);
    files.killAfter(step);
    node.files = files;
    await node.restart();
    await eventually(() => files.isDead || node.readiness.reasons().length === 0).toBe(true);
    expect(["", whole]).toContain(subnetFile());
    node.files = new MemoryFiles(disk);
    await node.restart();
    await eventually(() => node.readiness.reasons()).toEqual([]);
    expect(subnetFile()).toBe(whole);
  }
});
