/**
 * Makes all requests of a daemon to the kernel fail, in the kernel itself: it connects the daemon's netlink sockets to
 * an unused port, so that each request is refused with ECONNREFUSED. A socket that the daemon opens later works, until
 * it is misdirected too.
 */
import { closeSync } from "node:fs";
import { readdir, readFile, readlink } from "node:fs/promises";
import { openLibrary } from "../../src/kernel/libc/library.ts";
import { AF_NETLINK, bindSocketCalls } from "../../src/kernel/libc/socket.ts";

/** From asm-generic/unistd.h, which gives system calls since Linux 5.0 the same number on all machines. */
const SYS_PIDFD_OPEN = 434;
const SYS_PIDFD_GETFD = 438;
/** Ports of processes are their PIDs, or negative for further sockets: this is neither. */
const UNUSED_PORT = 0x7fff_fff0;

type SystemCall = (number: number, first: number, second: number, third: number) => number;

export class MisdirectedNetlink {
  readonly #pid: number;
  /** By inode. */
  readonly #done = new Set<string>();

  constructor(pid: number) {
    this.#pid = pid;
  }

  /** The number of sockets misdirected so far. */
  get count(): number {
    return this.#done.size;
  }

  /** Misdirects the current request sockets of the daemon. */
  async misdirect(): Promise<void> {
    const library = await openLibrary();
    const call = library.bind<SystemCall>("long syscall(long number, long first, long second, long third)");
    const { connect } = bindSocketCalls(library);
    const pidfd = call(SYS_PIDFD_OPEN, this.#pid, 0, 0);
    if (pidfd < 0) throw new Error(`pidfd_open of ${this.#pid}: errno ${library.errno()}`);
    try {
      for (const { fd, inode } of await this.#sockets()) {
        const copy = call(SYS_PIDFD_GETFD, pidfd, fd, 0);
        // It may have been closed meanwhile.
        if (copy < 0) continue;
        const connected = connect(copy, unusedAddress(), unusedAddress().length);
        closeSync(copy);
        if (connected < 0) throw new Error(`connect: errno ${library.errno()}`);
        this.#done.add(inode);
      }
    } finally {
      closeSync(pidfd);
    }
  }

  async #sockets(): Promise<readonly { readonly fd: number; readonly inode: string }[]> {
    const inodes = await requestSockets(this.#pid);
    const directory = `/proc/${this.#pid}/fd`;
    const found = await Promise.all(
      (await readdir(directory)).map(async (name) => {
        const target = await readlink(`${directory}/${name}`).catch(() => "");
        return { fd: Number(name), inode: /^socket:\[(\d+)\]$/.exec(target)?.[1] ?? "" };
      }),
    );
    return found.filter(({ inode }) => inodes.has(inode) && !this.#done.has(inode));
  }
}

/** Inodes of the rtnetlink sockets in the process's namespace without subscriptions. */
async function requestSockets(pid: number): Promise<ReadonlySet<string>> {
  const lines = (await readFile(`/proc/${pid}/net/netlink`, "utf8")).trim().split("\n").slice(1);
  const fields = lines.map((line) => line.trim().split(/\s+/));
  return new Set(
    fields.flatMap(([, protocol, , groups, , , , , , inode = ""]) =>
      protocol === "0" && groups === "00000000" ? inode : [],
    ),
  );
}

/** struct sockaddr_nl */
function unusedAddress(): Uint8Array {
  const address = new Uint8Array(12);
  const view = new DataView(address.buffer);
  view.setUint16(0, AF_NETLINK, true);
  view.setUint32(4, UNUSED_PORT, true);
  return address;
}
