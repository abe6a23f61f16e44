/** A worker thread: one direction of one queue. It blocks in its loop, and only the stop descriptor ends it. */
import { parentPort, workerData } from "node:worker_threads";

import { openLibrary } from "../../src/kernel/libc/library.ts";
import { bindPacketCalls } from "../../src/kernel/libc/packet.ts";
import { EgressLane } from "./egress-lane.ts";
import { runEgress } from "./egress-loop.ts";
import { IngressLane } from "./ingress-lane.ts";
import { runIngress } from "./ingress-loop.ts";
import { LossCounters } from "./loss-counters.ts";
import { DeviceGone, PacketIo, type WorkerCalls } from "./packet-io.ts";
import { WaitSet } from "./wait-set.ts";
import type { WorkerReport, WorkerTask } from "./worker-task.ts";

async function work(task: WorkerTask, report: (report: WorkerReport) => void): Promise<void> {
  const library = await openLibrary();
  const calls: WorkerCalls = { ...bindPacketCalls(library), errno: library.errno };
  const nativeBase = library.addressOf(new Uint8Array(task.shared.memory.buffer));
  const losses = new LossCounters(task.shared.memory, task.lane);
  const nowMs = () => performance.now();
  try {
    if (task.shared.lanes[task.lane]?.direction === "egress") {
      const lane = new EgressLane(task.shared, task.lane, nativeBase);
      const io = new PacketIo(calls, task, lane, losses, report);
      runEgress(task, lane, io, calls, new WaitSet(calls, task.stopFd, [task.tunFd]), nowMs);
    } else {
      const lane = new IngressLane(task.shared, task.lane, nativeBase);
      const io = new PacketIo(calls, task, lane, losses, report);
      const sockets = [task.sockets.v4, task.sockets.v6].filter((fd) => fd !== null);
      runIngress(task, lane, io, calls, new WaitSet(calls, task.stopFd, sockets), sockets, nowMs);
    }
  } catch (error) {
    if (!(error instanceof DeviceGone)) throw error;
    report({ kind: "device-gone", code: error.code });
  }
}

const port = parentPort;
if (port === null) throw new Error("udp-worker is a worker thread, started by the daemon");
// Any failure ends the thread with an error, upon which the main thread replaces the worker.
work(workerData as WorkerTask, (report) => port.postMessage(report)).catch((error: unknown) => {
  setImmediate(() => {
    throw error;
  });
});
