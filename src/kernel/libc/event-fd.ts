import { writeSync } from "node:fs";
import { errnoError } from "./errno.ts";
import { openLibrary } from "./library.ts";

/** EFD_CLOEXEC | EFD_NONBLOCK (linux/eventfd.h) */
const FLAGS = 0o2000000 | 0o4000;

/** A descriptor that becomes readable when raised, and stays readable for all that poll it. */
export async function openEventFd(): Promise<number> {
  const library = await openLibrary();
  const eventfd = library.bind<(count: number, flags: number) => number>("int eventfd(unsigned int, int)");
  const fd = eventfd(0, FLAGS);
  if (fd < 0) throw errnoError("create eventfd", library.errno());
  return fd;
}

export function raiseEventFd(fd: number): void {
  writeSync(fd, Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 0));
}
