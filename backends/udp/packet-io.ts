/**
 * Sends what a lane's pass left: messages to the sockets, writes to the TUN. Nothing here allocates for a packet.
 *
 * Where the kernel refuses a joined packet, its parts go one by one, and after a few such refusals the worker no
 * longer joins: an offload that was granted may still fail with the device or the path of the day.
 */
import { ERRNO, errnoName } from "../../src/kernel/libc/errno.ts";
import type { NativeAddress, PacketCalls } from "../../src/kernel/libc/packet.ts";
import type { Lane, LaneOffloads, OuterFamily } from "./lane.ts";
import type { LossCounters } from "./loss-counters.ts";
import type { WorkerReport, WorkerTask } from "./worker-task.ts";

/** linux/if_tun.h: the answer of a queue whose device was deleted (EBADFD). */
const EBADFD = 77;
const EIO = 5;
const EMSGSIZE = 90;
const ECONNREFUSED = 111;
/** One refusal may be the packet's fault; a run of them is the offload's. */
const REFUSALS_UNTIL_STEP_DOWN = 8;

/** Thrown where the TUN no longer answers; the dataplane opens it again. */
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
  #sendRefusals = 0;
  #writeRefusals = 0;

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

  /** Everything the last pass left; it is good until the next. */
  flush(): void {
    const { v4, v6 } = this.#task.sockets;
    if (v4 !== null) this.#send(4, v4);
    if (v6 !== null) this.#send(6, v6);
    const writes = this.#lane.writeCount();
    for (let index = 0; index < writes; index++) this.#write(index);
  }

  #send(family: OuterFamily, fd: number): void {
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
      if ((errno === ECONNREFUSED || errno === ERRNO.EHOSTUNREACH) && retried !== sent) {
        retried = sent;
        continue;
      }
      if (errno === EMSGSIZE) this.#report({ kind: "path-too-small" });
      const isRefusal = errno === EIO || errno === ERRNO.EINVAL || errno === EMSGSIZE;
      const split = isRefusal && this.#offloads.sendRuns ? this.#lane.splitMessages(family, sent) : count;
      if (split > count) {
        count = split;
        if (errno !== EMSGSIZE) this.#sendRefusals += 1;
        if (this.#sendRefusals >= REFUSALS_UNTIL_STEP_DOWN || errno === EIO)
          this.#stepDown(["sendRuns"], errno);
        continue;
      }
      this.#losses.countSend();
      sent += 1;
    }
  }

  #write(index: number): void {
    const address = this.#lane.writeAddress(index);
    const errno = this.#tryWrite(address, this.#lane.writeLength(index));
    if (errno === 0) return;
    const parts = errno === ERRNO.EINVAL || errno === EIO ? this.#lane.unjoinWrite(index) : 0;
    if (parts === 0) {
      this.#losses.countWrite();
      return;
    }
    this.#writeRefusals += 1;
    if (this.#writeRefusals >= REFUSALS_UNTIL_STEP_DOWN) {
      this.#stepDown(["joinTcp4", "joinTcp6", "joinUdp"], errno);
    }
    for (let part = 0; part < parts; part++) {
      if (this.#tryWrite(this.#lane.unjoinedAddress(part), 2) !== 0) this.#losses.countWrite();
    }
  }

  /** 0, or the errno. @throws DeviceGone */
  #tryWrite(iovecs: NativeAddress, count: number): number {
    for (;;) {
      if (this.#calls.writev(this.#task.tunFd, iovecs, count) >= 0) return 0;
      const errno = this.#calls.errno();
      if (errno === EBADFD) throw new DeviceGone(errno);
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
