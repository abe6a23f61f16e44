/** Waiting for a file descriptor without blocking the main thread. */
import { ERRNO, errnoError } from "./errno.ts";
import type { Library } from "./library.ts";

const POLLIN = 0x1;
/** struct pollfd: int fd, short events, short revents. */
const POLLFD_BYTES = 8;
/** EFD_CLOEXEC | EFD_NONBLOCK (linux/eventfd.h) */
const EVENTFD_FLAGS = 0o2000000 | 0o4000;

/** Waits on descriptors; {@link ReadWaiter.cancel} ends a wait early. */
export interface ReadWaiter {
  /** Resolves when one of the descriptors is readable or the waiter is cancelled. One wait at a time. */
  wait(): Promise<void>;
  /** Ends the current and every later wait. */
  cancel(): void;
  /** Frees the waiter. Call only when no wait is pending. */
  close(): void;
}

export interface PollCalls {
  /** The caller keeps ownership of the descriptors, which must outlive every wait. */
  readWaiter(...fds: readonly number[]): ReadWaiter;
}

export function bindPollCalls(library: Library): PollCalls {
  const eventfd = library.bind<(count: number, flags: number) => number>("int eventfd(unsigned int, int)");
  const write = library.bind<(fd: number, bytes: Uint8Array, length: number) => number>(
    "int64_t write(int fd, const void *bytes, size_t length)",
  );
  const close = library.bind<(fd: number) => number>("int close(int fd)");
  const poll = library.bind<(fds: Uint8Array, count: number, timeoutMs: number) => number>(
    "int poll(void *fds, unsigned long count, int timeoutMs)",
  );

  return {
    readWaiter(...fds) {
      const wakeFd = eventfd(0, EVENTFD_FLAGS);
      if (wakeFd < 0) throw errnoError("create eventfd", library.errno());
      const cancel = () => void write(wakeFd, Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 0), 8);
      // A pool thread blocks in poll without a timeout, and Node joins its threads at exit: without this wake-up,
      // process.exit() and an uncaught exception would hang until the next network event.
      process.once("exit", cancel);
      // Referenced for the waiter's lifetime, because the kernel writes into it from another thread.
      const set = readableSet([...fds, wakeFd]);
      return {
        wait: () =>
          new Promise((resolve, reject) => {
            poll.async(set, set.length / POLLFD_BYTES, -1, (error: unknown, ready: number) => {
              if (error !== null) reject(error);
              else if (ready < 0) waitFailed(library.errno(), resolve, reject);
              else resolve();
            });
          }),
        cancel,
        close() {
          process.removeListener("exit", cancel);
          close(wakeFd);
        },
      };
    },
  };
}

function readableSet(fds: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(fds.length * POLLFD_BYTES);
  const view = new DataView(bytes.buffer);
  for (const [index, fd] of fds.entries()) {
    view.setInt32(index * POLLFD_BYTES, fd, true);
    view.setInt16(index * POLLFD_BYTES + 4, POLLIN, true);
  }
  return bytes;
}

/** A signal is no failure: the caller checks its descriptors and waits again. */
function waitFailed(errno: number, resolve: () => void, reject: (error: Error) => void): void {
  if (errno === ERRNO.EINTR) resolve();
  else reject(errnoError("wait for a file descriptor", errno));
}
