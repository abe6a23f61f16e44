import { bindIoctlCalls, type IoctlCalls } from "./ioctl.ts";
import { openLibrary } from "./library.ts";
import { bindPollCalls, type PollCalls } from "./poll.ts";
import { bindSocketCalls, type SocketCalls } from "./socket.ts";

/** The system calls that Node does not offer. */
export interface Libc {
  readonly sockets: SocketCalls;
  readonly polling: PollCalls;
  readonly ioctls: IoctlCalls;
  /** errno of the last call; read it before any other call. */
  errno(): number;
}

export async function openLibc(): Promise<Libc> {
  const library = await openLibrary();
  return {
    sockets: bindSocketCalls(library),
    polling: bindPollCalls(library),
    ioctls: bindIoctlCalls(library),
    errno: library.errno,
  };
}
