import { ERRNO, errnoError } from "../../src/kernel/libc/errno.ts";
import type { EgressLane } from "./egress-lane.ts";
import { DeviceGone, type PacketIo, type WorkerCalls } from "./packet-io.ts";
import type { WaitSet } from "./wait-set.ts";
import type { WorkerTask } from "./worker-task.ts";

/** TUN to UDP, until the worker is to end: reads until the TUN is dry or the batch is full, cuts, sends. */
export function runEgress(
  task: WorkerTask,
  lane: EgressLane,
  io: PacketIo,
  calls: WorkerCalls,
  waiting: WaitSet,
  nowMs: () => number,
): void {
  while (waiting.wait()) {
    let isDry = false;
    while (!isDry) {
      isDry = readBatch(task, lane, calls);
      if (lane.accepted === 0) break;
      for (let isDone = false; !isDone; ) {
        isDone = lane.pass(nowMs());
        io.flush(nowMs());
      }
      // Under load the TUN is never dry; a look at the stop signal between batches costs one poll.
      if (!isDry && !waiting.wait()) return;
    }
  }
}

/** True when there was nothing more to read. */
function readBatch(task: WorkerTask, lane: EgressLane, calls: WorkerCalls): boolean {
  for (let at = lane.readAddress(); at !== 0; at = lane.readAddress()) {
    const length = calls.read(task.tunFd, at, lane.readBytes);
    if (length >= 0) {
      lane.accept(length);
      if (!task.isBatching) return false;
      continue;
    }
    const errno = calls.errno();
    if (errno === ERRNO.EAGAIN) return true;
    // EIO: the device is down, which its owner will mend; EBADFD: it was deleted.
    if (errno === ERRNO.EBADFD || errno === ERRNO.EIO) throw new DeviceGone(errno);
    if (errno !== ERRNO.EINTR) throw errnoError("read from the TUN", errno);
  }
  return false;
}
