/**
 * The thread that runs one target. Coverage starts before the code under test is loaded: V8 counts blocks only of
 * functions that it compiles afterwards.
 */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parentPort, workerData } from "node:worker_threads";
import { Coverage, placesOfSources } from "./engine/coverage.ts";
import type { WorkerMessage, WorkerTask } from "./engine/worker-task.ts";
import type { fuzz } from "./fuzz-target.ts";

const task: WorkerTask = workerData;
const url = new URL("./fuzz-target.mjs", import.meta.url);
const bundle = readFileSync(fileURLToPath(url), "utf8");
const coverage = new Coverage((script) => script === url.href, bundle.length, placesOfSources(bundle));
const loaded: { readonly fuzz: typeof fuzz } = await import(url.href);
const report = await loaded.fuzz(task, coverage, (inputs) => send({ kind: "progress", inputs }));
send({ kind: "report", report });
coverage.close();

function send(message: WorkerMessage): void {
  parentPort?.postMessage(message);
}
