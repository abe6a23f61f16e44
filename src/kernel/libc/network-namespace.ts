/** Network namespaces, by iproute2's name or by absolute path, which the calling thread enters (setns(2)). */
import { closeSync, openSync } from "node:fs";
import { resolve } from "node:path";
import { errnoError } from "./errno.ts";
import { openLibrary } from "./library.ts";

/** linux/sched.h */
const CLONE_NEWNET = 0x40000000;
/** ip-netns(8) */
const NAMED = "/run/netns";

export class NetworkNamespaces {
  readonly #setns: (fd: number, kind: number) => number;
  readonly #errno: () => number;

  private constructor(setns: (fd: number, kind: number) => number, errno: () => number) {
    this.#setns = setns;
    this.#errno = errno;
  }

  static async open(): Promise<NetworkNamespaces> {
    const library = await openLibrary();
    return new NetworkNamespaces(library.bind("int setns(int fd, int kind)"), library.errno);
  }

  /**
   * Moves the calling thread into the namespace: from then on its sockets, its reads below /proc/sys and the programs
   * that it starts are in that namespace.
   * @returns a function that moves the thread back
   * @throws TweedError with setns' errno; ENOENT
   */
  enter(name: string): () => void {
    const target = openSync(resolve(NAMED, name), "r");
    const origin = openSync("/proc/thread-self/ns/net", "r");
    try {
      this.#move(target);
    } catch (error) {
      closeSync(origin);
      throw error;
    } finally {
      closeSync(target);
    }
    return () => {
      this.#move(origin);
      closeSync(origin);
    };
  }

  /**
   * Runs `act` inside. It is synchronous, so no other task of the event loop runs there. Sockets that it opens stay in
   * the namespace.
   */
  within<T>(name: string, act: () => T): T {
    const leave = this.enter(name);
    try {
      return act();
    } finally {
      leave();
    }
  }

  #move(fd: number): void {
    if (this.#setns(fd, CLONE_NEWNET) !== 0) throw errnoError("enter network namespace", this.#errno());
  }
}
