/** Another program has put something else in place of a file of the daemon: the daemon starts, says so, and recovers. */
import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { lastGoodConfigFile } from "../../../src/agent/configuration/last-good-config.ts";
import { identityFile } from "../../../src/agent/identity/own-identity.ts";
import { retainedBackendsFile } from "../../../src/agent/switch-over/retained-backends.ts";
import { eventually } from "../../support/eventually.ts";
import { clusterOfOne, type FakeNode } from "../../support/fake-node.ts";

const FILES = {
  "subnet file": (subnetFile: string) => subnetFile,
  "retained backends": retainedBackendsFile,
  "last good configuration": lastGoodConfigFile,
  identity: identityFile,
} as const;
const NAMES = Object.keys(FILES) as (keyof typeof FILES)[];
const TEXTS = [
  "",
  "\0\0\0",
  "null",
  "[[]]",
  '[{"Type":{}},null,7]',
  '{"__proto__":1}',
  "x".repeat(2_000_000),
];

let node: FakeNode;
beforeEach(async () => {
  ({ node } = await clusterOfOne({ Type: "vxlan" }));
});
afterEach(() => node.remove());

it.each(NAMES)("a directory in place of the %s", async (name) => {
  const path = FILES[name](node.subnetFile);
  await mkdir(join(path, "full"), { recursive: true });
  node.start();
  if (name === "subnet file")
    await eventually(() => node.readiness.conditions().subnetFile).toContain("EISDIR");
  await rm(path, { recursive: true });
  await eventually(() => node.readiness.reasons()).toEqual([]);
});

it.each(NAMES)("a file that is no %s", async (name) => {
  const path = FILES[name](node.subnetFile);
  for (const text of TEXTS) {
    await writeFile(path, text);
    node.start();
    await eventually(() => node.readiness.reasons()).toEqual([]);
    await node.kill();
  }
});

it("a subnet file that cannot be written is logged once in ten minutes", async () => {
  await mkdir(join(node.subnetFile, "full"), { recursive: true });
  const startedMs = node.clock.nowMs();
  node.start();
  await eventually(() => node.readiness.conditions().subnetFile).toContain("EISDIR");
  await node.clock.sleep(300_000);
  const lines = node.log.warnings().filter(({ fields }) => fields.op === "write-subnet-file");
  // The node's time runs on while the test waits for its files.
  const intervals = Math.ceil((node.clock.nowMs() - startedMs) / 600_000);
  expect(lines.length).toBeGreaterThanOrEqual(1);
  expect(lines.length).toBeLessThanOrEqual(intervals);
});
