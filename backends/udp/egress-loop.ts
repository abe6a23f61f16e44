import { ERRNO, errnoError } from "../../src/kernel/libc/errno.ts";
import { PR_SET_TIMERSLACK } from "../../src/kernel/libc/packet.ts";
import type { EgressLane } from "./egress-lane.ts";
import { DeviceGone, type PacketIo, type WorkerCalls } from "./packet-io.ts";
import { ReadDelay } from "./read-delay.ts";
import type { WaitSet } from "./wait-set.ts";
import type { WorkerTask } from "./worker-task.ts";

/** Long enough for several packets of a flood, short enough that a TUN queue of 500 does not overflow. */
const READ_DELAY_US = 120;

/** TUN to UDP until the stop signal: reads until the TUN is empty or the batch is full, segments, sends. */
export function runEgress(
  task: WorkerTask,
  lane: EgressLane,
  io: PacketIo,
  calls: WorkerCalls,
  waiting: WaitSet,
  nowMs: () => number,
): void {
  const readDelay = new ReadDelay();
  // The default timer slack of 50 µs would lengthen the delay by almost half.
  calls.prctl(PR_SET_TIMERSLACK, 1);
  let isAwake = waiting.wait();
  while (isAwake) {
    const isDry = readBatch(task, lane, calls);
    const packets = lane.accepted;
    for (let isDone = packets === 0; !isDone; ) {
      isDone = lane.pass(nowMs());
      io.flush(nowMs());
    }
    if (isDry && packets > 0 && task.isBatching && readDelay.isDue(packets, nowMs()))
      calls.usleep(READ_DELAY_US);
    // Under load the TUN is never empty; to check the stop signal between batches costs one poll.
    isAwake = waiting.wait();
  }
}

/** True when the TUN is empty. */
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
    // EIO: the device is down, and the reconciler will set it up; EBADFD: it was deleted.
    if (errno === ERRNO.EBADFD || errno === ERRNO.EIO) throw new DeviceGone(errno);
    if (errno !== ERRNO.EINTR) throw errnoError("read from the TUN", errno);
  }
  return false;
}
