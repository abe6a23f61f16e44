/**
 * The thread of one task. For a search coverage starts before the code under test is loaded: V8 counts blocks only of
 * functions that it compiles afterwards.
 */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parentPort, workerData } from "node:worker_threads";
import { Coverage, placesOfSources } from "./engine/coverage.ts";
import type { SearchTask, WorkerMessage, WorkerTask } from "./engine/worker-task.ts";
import type { measureTarget, searchTarget } from "./fuzz-target.ts";

interface Bundle {
  readonly measureTarget: typeof measureTarget;
  readonly searchTarget: typeof searchTarget;
}

const url = new URL("./fuzz-target.mjs", import.meta.url);
const load = (): Promise<Bundle> => import(url.href);
const task: WorkerTask = workerData;
if (task.kind === "search") await search(task);
else send({ kind: "measured", measurement: await (await load()).measureTarget(task) });

async function search(searchTask: SearchTask): Promise<void> {
  const bundle = readFileSync(fileURLToPath(url), "utf8");
  const coverage = new Coverage((script) => script === url.href, bundle.length, placesOfSources(bundle));
  const { searchTarget } = await load();
  const report = await searchTarget(searchTask, coverage, (inputs) => send({ kind: "progress", inputs }));
  send({ kind: "searched", report });
  coverage.close();
}

function send(message: WorkerMessage): void {
  parentPort?.postMessage(message);
}
