/**
 * One daemon at a time changes the leases in a directory: claims of overlapping subnets, renewals and the
 * removal of what has expired then cannot cross. Readers need no lock, files change as a whole.
 */
import { link, mkdir, open, rename, stat, unlink } from "node:fs/promises";
import { join } from "node:path";
import type { StoreSurroundings } from "../store.ts";
import { PRIVATE } from "./atomic-file.ts";
import { fileError, orMissing } from "./file-error.ts";
import type { Layout } from "./layout.ts";

/** Held for milliseconds, so one this old is of a daemon that was killed while it held it. */
const STALE_MS = 10_000;
const RETRY_MS = 10;

export class DirectoryLock {
  readonly #layout: Layout;
  readonly #path: string;
  readonly #surroundings: StoreSurroundings;

  constructor(layout: Layout, surroundings: StoreSurroundings) {
    this.#layout = layout;
    this.#path = join(layout.directory, `${PRIVATE}lock`);
    this.#surroundings = surroundings;
  }

  /**
   * Makes the directories where they are missing, then works while it holds the lock.
   * @throws TweedError `store-unavailable` for what the file system refuses, and whatever `work` throws
   */
  async hold<T>(operation: string, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    try {
      await mkdir(this.#layout.subnets, { recursive: true });
      await this.#take(signal);
      try {
        return await work();
      } finally {
        await orMissing(unlink(this.#path));
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
      await (await open(this.#path, "wx", 0o644)).close();
      return true;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
      throw error;
    }
  }

  async #breakStale(): Promise<void> {
    const seen = await orMissing(stat(this.#path));
    if (seen === null || this.#surroundings.clock.wallMs() - seen.mtimeMs < STALE_MS) return;
    const aside = `${this.#path}-${this.#surroundings.random.below(2 ** 32)}`;
    // Of several that see the same stale lock the first one to rename it has broken it …
    await orMissing(rename(this.#path, aside));
    const taken = await orMissing(stat(aside));
    if (taken === null) return;
    // … and one that came too late gives back the fresh lock that it got hold of instead.
    if (taken.ino !== seen.ino) await link(aside, this.#path).catch(() => undefined);
    else this.#surroundings.log.warn({ op: "lock-leases" }, "broke the lock of a daemon that was killed");
    await orMissing(unlink(aside));
  }
}
