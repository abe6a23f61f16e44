/**
 * The backends that this node can receive on: the preferred one, and those from before a change of configuration
 * for as long as a path uses them, and a while longer for packets of peers that learn of it late.
 */
import type { ActiveBackend } from "./active-backend.ts";

/** How long an unused backend is kept: far more than a store takes to tell everybody. */
export const GRACE_MS = 30_000;
/** A lease has room for 4 KiB; who changes more often within the grace time loses the oldest. */
const MAX_ACTIVE = 6;

interface Entry {
  readonly backend: ActiveBackend;
  /** Monotonic; null while a path uses it. */
  unusedSinceMs: number | null;
}

export class BackendRoster {
  #entries: readonly Entry[];

  /** @param retained those that an earlier daemon was still receiving on */
  constructor(preferred: ActiveBackend, retained: readonly ActiveBackend[], nowMs: number) {
    this.#entries = [];
    for (const backend of [...retained].reverse()) this.prefer(backend, nowMs);
    this.prefer(preferred, nowMs);
  }

  get preferred(): ActiveBackend {
    return (this.#entries[0] as Entry).backend;
  }

  /** The preferred one first. */
  get active(): readonly ActiveBackend[] {
    return this.#entries.map((entry) => entry.backend);
  }

  /** Puts a backend first; one of the same channel makes room for it, as both would be the same device. */
  prefer(backend: ActiveBackend, nowMs: number): void {
    const others = this.#entries.filter((entry) => entry.backend.channel !== backend.channel);
    for (const entry of others) entry.unusedSinceMs ??= nowMs;
    this.#entries = [{ backend, unusedSinceMs: null }, ...others].slice(0, MAX_ACTIVE);
  }

  /**
   * Notes which channels carry a path now, and drops what has been unused for the grace time.
   * @returns when to look again, in monotonic time; null when nothing is on its way out
   */
  review(usedChannels: ReadonlySet<string>, nowMs: number): number | null {
    for (const entry of this.#entries) {
      if (usedChannels.has(entry.backend.channel)) entry.unusedSinceMs = null;
      else entry.unusedSinceMs ??= nowMs;
    }
    this.#entries = this.#entries.filter(
      ({ unusedSinceMs }, index) => index === 0 || unusedSinceMs === null || nowMs - unusedSinceMs < GRACE_MS,
    );
    const dues = this.#entries.slice(1).flatMap(({ unusedSinceMs }) => unusedSinceMs ?? []);
    return dues.length === 0 ? null : Math.min(...dues) + GRACE_MS;
  }
}
