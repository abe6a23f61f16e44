import { Worker } from "node:worker_threads";
import type { StartThread } from "./worker-pool.ts";

/** A worker needs little memory: packets are not on its heap. */
const RESOURCE_LIMITS = { maxYoungGenerationSizeMb: 2, maxOldGenerationSizeMb: 24, stackSizeMb: 1 };

/** A thread of this process. */
export const startWorkerThread: StartThread = (script, task, index) =>
  new Worker(script, { workerData: task, resourceLimits: RESOURCE_LIMITS, name: `udp-${index}` });
