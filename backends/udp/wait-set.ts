import { ERRNO, errnoError } from "../../src/kernel/libc/errno.ts";
import type { WorkerCalls } from "./packet-io.ts";

const POLLIN = 0x1;
/** struct pollfd: int fd, short events, short revents. */
const POLLFD_BYTES = 8;

/** Blocks until one of a worker's descriptors is readable. */
export class WaitSet {
  readonly #calls: WorkerCalls;
  readonly #fds: Uint8Array;
  readonly #results: Int16Array;

  /** @param stopFd ends the worker when readable */
  constructor(calls: WorkerCalls, stopFd: number, fds: readonly number[]) {
    this.#calls = calls;
    const all = [stopFd, ...fds];
    this.#fds = new Uint8Array(all.length * POLLFD_BYTES);
    const words = new Int32Array(this.#fds.buffer);
    this.#results = new Int16Array(this.#fds.buffer);
    for (const [index, fd] of all.entries()) {
      words[index * 2] = fd;
      this.#results[index * 4 + 2] = POLLIN;
    }
  }

  /** True when a descriptor is readable or has an error; false on the stop signal. */
  wait(): boolean {
    for (;;) {
      if (this.#calls.poll(this.#fds, this.#fds.length / POLLFD_BYTES, -1) >= 0)
        return this.#results[3] === 0;
      const errno = this.#calls.errno();
      if (errno !== ERRNO.EINTR) throw errnoError("wait for packets", errno);
    }
  }

  /** Whether descriptor `index` was readable, or had an error, after the last wait. */
  isReady(index: number): boolean {
    return this.#results[(index + 1) * 4 + 3] !== 0;
  }
}
