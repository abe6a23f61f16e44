/** The real daemon of the site's node, with the record of its event loop. */
import { rm } from "node:fs/promises";
import { join, resolve } from "node:path";
import { type DaemonProgram, startDaemon, subnetFile, waitUntilReady } from "../../src/lab/daemon.ts";
import { endDaemon } from "../control/daemon-run.ts";
import { siteNode, siteSpec } from "../control/site.ts";
import type { DaemonWatch } from "./daemon-watch.ts";
import type { ScaleStoreKind } from "./scale-store.ts";

const READY_WITHIN_MS = 120_000;
const PROGRAM: DaemonProgram = {
  tweed: [process.execPath, "--import", resolve("bench/scale/loop-delay.mjs"), resolve("dist/tweed.cjs")],
  extraFlags: [],
};

export function loopFile(): string {
  return join(siteNode().directory, "loop-delay.json");
}

/** As after a boot of its host. @returns the time until it was ready */
export async function startMeasured(kind: ScaleStoreKind, watch: DaemonWatch): Promise<number> {
  await rm(subnetFile(siteNode()), { force: true });
  return startAgain(kind, watch);
}

/** With the files of its last run. */
export async function startAgain(kind: ScaleStoreKind, watch: DaemonWatch): Promise<number> {
  process.env.TWEED_LOOP_DELAY = loopFile();
  const node = siteNode();
  const startedMs = performance.now();
  const pid = await startDaemon(siteSpec(kind, 1), node, PROGRAM);
  watch.follow(pid);
  await waitUntilReady(node, pid, READY_WITHIN_MS);
  return performance.now() - startedMs;
}

export function endMeasured(watch: DaemonWatch): Promise<void> {
  return endDaemon(watch.pid);
}
