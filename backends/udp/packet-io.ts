/**
 * Sends the output of a lane's pass: messages to the sockets, writes to the TUN. No code here allocates for each
 * packet.
 *
 * Where the kernel refuses a joined packet, its parts are sent one by one. After a few such refusals the worker
 * switches the offload off: one that the kernel granted may still fail with the current device or path.
 */
import { ERRNO, errnoName } from "../../src/kernel/libc/errno.ts";
import type { NativeAddress, PacketCalls } from "../../src/kernel/libc/packet.ts";
import type { Lane, LaneOffloads, OuterFamily } from "./lane.ts";
import type { LossCounters } from "./loss-counters.ts";
import type { WorkerReport, WorkerTask } from "./worker-task.ts";

/**
 * A single refusal may be due to the packet, and a burst to a path MTU that decreased, which reaches the table within
 * this interval. Refusals that continue are due to the offload.
 */
const REFUSALS_UNTIL_STEP_DOWN = 8;
const REFUSALS_APART_MS = 100;

/** Thrown when the TUN device is gone; the data plane reopens it. */
export class DeviceGone extends Error {
  readonly code: string;
  constructor(errno: number) {
    super(`the TUN device is gone (${errnoName(errno)})`);
    this.code = errnoName(errno);
  }
}

export interface WorkerCalls extends PacketCalls {
  errno(): number;
}

export class PacketIo {
  readonly #calls: WorkerCalls;
  readonly #task: WorkerTask;
  readonly #lane: Lane;
  readonly #losses: LossCounters;
  readonly #report: (report: WorkerReport) => void;
  #offloads: LaneOffloads;
  readonly #sendRefusals = new Refusals();
  readonly #writeRefusals = new Refusals();
  readonly #tooSmall = new Refusals();

  constructor(
    calls: WorkerCalls,
    task: WorkerTask,
    lane: Lane,
    losses: LossCounters,
    report: (report: WorkerReport) => void,
  ) {
    this.#calls = calls;
    this.#task = task;
    this.#lane = lane;
    this.#losses = losses;
    this.#report = report;
    this.#offloads = task.offloads;
    lane.setOffloads(task.offloads);
  }

  /** Sends all output of the last pass, which is valid until the next pass. */
  flush(nowMs: number): void {
    const { v4, v6 } = this.#task.sockets;
    if (v4 !== null) this.#send(4, v4, nowMs);
    if (v6 !== null) this.#send(6, v6, nowMs);
    const writes = this.#lane.writeCount();
    for (let index = 0; index < writes; index++) this.#write(index, nowMs);
  }

  #send(family: OuterFamily, fd: number, nowMs: number): void {
    let count = this.#lane.messageCount(family);
    let sent = 0;
    let retried = -1;
    while (sent < count) {
      const room = this.#task.isBatching ? count - sent : 1;
      const done = this.#calls.sendmmsg(fd, this.#lane.messageAddress(family, sent), room, 0);
      if (done > 0) {
        sent += done;
        continue;
      }
      const errno = this.#calls.errno();
      if (errno === ERRNO.EINTR) continue;
      // The socket reports an ICMP error of an earlier datagram once; this one has not been tried yet.
      if ((errno === ERRNO.ECONNREFUSED || errno === ERRNO.EHOSTUNREACH) && retried !== sent) {
        retried = sent;
        continue;
      }
      // A run that does not fit the path: which of the two errors the kernel returns depends on its version.
      const mayNotFit = errno === ERRNO.EMSGSIZE || errno === ERRNO.EINVAL;
      if (mayNotFit && this.#tooSmall.count(nowMs)) this.#report({ kind: "path-too-small" });
      const isRefusal = errno === ERRNO.EIO || errno === ERRNO.EINVAL || errno === ERRNO.EMSGSIZE;
      const split = isRefusal && this.#offloads.sendRuns ? this.#lane.splitMessages(family, sent) : count;
      if (split > count) {
        count = split;
        if (errno !== ERRNO.EMSGSIZE) this.#sendRefusals.count(nowMs);
        if (this.#sendRefusals.total >= REFUSALS_UNTIL_STEP_DOWN || errno === ERRNO.EIO) {
          this.#stepDown(["sendRuns"], errno);
        }
        continue;
      }
      this.#losses.countSend();
      sent += 1;
    }
  }

  #write(index: number, nowMs: number): void {
    const address = this.#lane.writeAddress(index);
    const errno = this.#tryWrite(address, this.#lane.writeLength(index));
    if (errno === 0) return;
    const parts = errno === ERRNO.EINVAL || errno === ERRNO.EIO ? this.#lane.unjoinWrite(index) : 0;
    let lost = 0;
    for (let part = 0; part < parts; part++) {
      if (this.#tryWrite(this.#lane.unjoinedAddress(part), 2) !== 0) lost += 1;
    }
    if (parts === 0) lost = 1;
    this.#losses.countWrites(lost);
    // A device that is down refuses every write (EIO), so the offload is not at fault.
    if (lost >= parts) return;
    this.#writeRefusals.count(nowMs);
    if (this.#writeRefusals.total >= REFUSALS_UNTIL_STEP_DOWN) {
      this.#stepDown(["joinTcp4", "joinTcp6", "joinUdp"], errno);
    }
  }

  /** 0, or the errno. @throws DeviceGone */
  #tryWrite(iovecs: NativeAddress, count: number): number {
    for (;;) {
      if (this.#calls.writev(this.#task.tunFd, iovecs, count) >= 0) return 0;
      const errno = this.#calls.errno();
      // The device of the queue was deleted.
      if (errno === ERRNO.EBADFD) throw new DeviceGone(errno);
      if (errno !== ERRNO.EINTR) return errno;
    }
  }

  #stepDown(names: readonly (keyof LaneOffloads)[], errno: number): void {
    for (const offload of names) {
      if (!this.#offloads[offload]) continue;
      this.#offloads = { ...this.#offloads, [offload]: false };
      this.#report({ kind: "stepped-down", offload, code: errnoName(errno) });
    }
    this.#lane.setOffloads(this.#offloads);
  }
}

/** Counts refusals; a burst counts as one. */
class Refusals {
  total = 0;
  #nextMs = 0;

  /** @returns false for a refusal of a burst that is already counted */
  count(nowMs: number): boolean {
    if (nowMs < this.#nextMs) return false;
    this.#nextMs = nowMs + REFUSALS_APART_MS;
    this.total += 1;
    return true;
  }
}
