/**
 * The time of the file system that holds the leases. A server stamps files by its own clock, so all hosts read the same
 * time from it, while the wall clock of a host may be wrong: by it a live lease would look expired, and its subnet free.
 * Where hosts stamp files themselves, as on a local disk, it is the time of the host.
 */
import type { Files } from "../../runtime/files.ts";
import type { StoreSurroundings } from "../store.ts";
import type { Layout } from "./layout.ts";

/** Far more than the resolution of times in any file system, and little beside the time to live of a lease. */
const TOLERANCE_MS = 2_000;
const MODE = 0o600;

export class FileSystemClock {
  readonly #layout: Layout;
  readonly #surroundings: StoreSurroundings;
  readonly #files: Files;
  readonly #mayWrite: boolean;
  #aheadMs = 0;
  /** What the wall clock showed when the monotonic one was at 0, at the last measurement. */
  #originWallMs: number | null = null;

  /** @param mayWrite without it this is the host's clock: only a file that is written now shows the time */
  constructor(layout: Layout, mayWrite: boolean, surroundings: StoreSurroundings) {
    this.#layout = layout;
    this.#mayWrite = mayWrite;
    this.#surroundings = surroundings;
    this.#files = surroundings.files;
  }

  /** As of the last {@link update}; until one has succeeded, the time of the host. */
  wallMs(): number {
    return this.#surroundings.clock.wallMs() + this.#aheadMs;
  }

  /** Compares the clocks at first, and when the host's was set or the host was suspended. Else it returns at once. */
  async update(): Promise<void> {
    const { clock, log } = this.#surroundings;
    const originWallMs = clock.wallMs() - clock.nowMs();
    const isKnown = this.#originWallMs !== null && Math.abs(originWallMs - this.#originWallMs) < TOLERANCE_MS;
    if (isKnown || !this.#mayWrite) return;
    const measured = await this.#measure().catch(() => null);
    // Whoever cannot create a file cannot claim either; the next call tries again.
    if (measured === null) return;
    this.#originWallMs = originWallMs;
    const aheadMs = Math.abs(measured) < TOLERANCE_MS ? 0 : measured;
    if (Math.abs(aheadMs - this.#aheadMs) >= TOLERANCE_MS && aheadMs !== 0) {
      const seconds = Math.round(Math.abs(aheadMs) / 1000);
      const relation = aheadMs > 0 ? "behind" : "ahead of";
      const reason = `this host's clock is ${seconds} s ${relation} that of ${this.#layout.directory}; set it right`;
      log.warn({ op: "read-leases", reason }, "clock of the host not used for leases");
    }
    this.#aheadMs = aheadMs;
  }

  /** By how much the file system's clock is ahead of the host's at least. */
  async #measure(): Promise<number> {
    const { clock } = this.#surroundings;
    const fromMs = clock.wallMs();
    const file = await this.#files.createTemporary(this.#layout.temporaryPrefix, MODE);
    try {
      await file.close();
      // Unlike the time of modification no client can set it.
      const { changedAtWallMs } = await this.#files.status(file.path);
      return changedAtWallMs < fromMs
        ? changedAtWallMs - fromMs
        : Math.max(0, changedAtWallMs - clock.wallMs());
    } finally {
      await this.#files.unlink(file.path).catch(() => undefined);
    }
  }
}
