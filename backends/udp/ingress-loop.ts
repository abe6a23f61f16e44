import { ERRNO, errnoError } from "../../src/kernel/libc/errno.ts";
import { MSG_DONTWAIT } from "../../src/kernel/libc/socket.ts";
import type { IngressLane } from "./ingress-lane.ts";
import type { PacketIo, WorkerCalls } from "./packet-io.ts";
import type { WaitSet } from "./wait-set.ts";
import type { WorkerTask } from "./worker-task.ts";

/** Errors of earlier datagrams, which the socket reports once: the next receive may succeed. */
const TRANSIENT: ReadonlySet<number> = new Set([
  ERRNO.EINTR,
  ERRNO.EHOSTUNREACH,
  ERRNO.ENETUNREACH,
  ERRNO.ECONNREFUSED,
]);

/** UDP to TUN until the stop signal. */
export function runIngress(
  task: WorkerTask,
  lane: IngressLane,
  io: PacketIo,
  calls: WorkerCalls,
  waiting: WaitSet,
  sockets: readonly number[],
  nowMs: () => number,
): void {
  const most = task.isBatching ? lane.receiveMax : 1;
  lane.prepare(most);
  while (waiting.wait()) {
    for (const [index, fd] of sockets.entries()) {
      if (!waiting.isReady(index)) continue;
      const received = calls.recvmmsg(fd, lane.receiveAddress(), most, MSG_DONTWAIT, 0);
      if (received < 0) {
        const errno = calls.errno();
        if (errno === ERRNO.EAGAIN || TRANSIENT.has(errno)) continue;
        throw errnoError("receive from a UDP socket", errno);
      }
      for (let isDone = false; !isDone; ) {
        isDone = lane.pass(received, nowMs());
        io.flush(nowMs());
      }
      lane.prepare(received);
    }
  }
}
