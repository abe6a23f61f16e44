/**
 * Only one daemon at a time changes the leases in a directory, so claims of overlapping subnets, renewals and
 * removals of expired leases cannot race. Readers need no lock: files are replaced atomically.
 */
import { errnoOf, type FileStatus, type Files, orMissing } from "../../runtime/files.ts";
import type { StoreSurroundings } from "../store.ts";
import { fileError } from "./file-error.ts";
import type { Layout } from "./layout.ts";

/** A lock is held for milliseconds, so a daemon that has held one for this long was killed. */
const STALE_MS = 10_000;
const RETRY_MS = 10;

const LOCK_MODE = 0o644;
/** Less the umask, which decides who may share the directory. */
export const DIRECTORY_MODE = 0o777;

export class DirectoryLock {
  readonly #layout: Layout;
  readonly #path: string;
  readonly #files: Files;
  readonly #surroundings: StoreSurroundings;
  /** The lock that this daemon waits for, and since when: clocks of hosts may differ, so its age proves nothing. */
  #awaited: { readonly lock: FileStatus; readonly sinceMs: number } | null = null;

  constructor(layout: Layout, surroundings: StoreSurroundings) {
    this.#layout = layout;
    this.#path = layout.lock;
    this.#files = surroundings.files;
    this.#surroundings = surroundings;
  }

  /**
   * Creates missing directories, then runs `work` under the lock.
   * @throws TweedError `store-unavailable` for errors of the file system, and whatever `work` throws
   */
  async hold<T>(operation: string, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    try {
      await this.#files.makeDirectory(this.#layout.subnets, DIRECTORY_MODE);
      await this.#take(signal);
      try {
        return await work();
      } finally {
        await orMissing(this.#files.unlink(this.#path));
      }
    } catch (error) {
      signal.throwIfAborted();
      throw fileError(operation, error);
    }
  }

  async #take(signal: AbortSignal): Promise<void> {
    const { clock, random } = this.#surroundings;
    while (!(await this.#tryTake())) {
      await this.#breakStale();
      await clock.sleep(RETRY_MS + random.below(RETRY_MS), signal);
    }
  }

  async #tryTake(): Promise<boolean> {
    try {
      await (await this.#files.create(this.#path, LOCK_MODE)).close();
      return true;
    } catch (error) {
      if (errnoOf(error) === "EEXIST") return false;
      throw error;
    }
  }

  async #breakStale(): Promise<void> {
    const { clock } = this.#surroundings;
    const seen = await orMissing(this.#files.status(this.#path));
    if (seen === null || this.#awaited === null || !isSame(this.#awaited.lock, seen)) {
      this.#awaited = seen === null ? null : { lock: seen, sinceMs: clock.nowMs() };
      return;
    }
    if (clock.nowMs() - this.#awaited.sinceMs < STALE_MS) return;
    const aside = `${this.#path}-${this.#surroundings.random.below(2 ** 32)}`;
    // Several daemons may see the same stale lock: the first to rename it has broken it …
    await orMissing(this.#files.rename(this.#path, aside));
    const taken = await orMissing(this.#files.status(aside));
    if (taken === null) return;
    // … and one that was late puts back the fresh lock that it renamed instead.
    if (!isSame(taken, seen)) await this.#files.link(aside, this.#path).catch(() => undefined);
    else this.#surroundings.log.warn({ op: "lock-leases" }, "lock of a killed daemon broken");
    await orMissing(this.#files.unlink(aside));
  }
}

/** A new file may have the inode of one that was deleted. Renaming does not modify it. */
function isSame(one: FileStatus, other: FileStatus): boolean {
  return one.inode === other.inode && one.modifiedAtWallMs === other.modifiedAtWallMs;
}
