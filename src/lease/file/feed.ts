/** Updates a table of leases from a directory. */
import type { Clock } from "../../runtime/clock.ts";
import { messageOf } from "../../runtime/error.ts";
import type { Lease } from "../lease.ts";
import type { LeaseTable } from "../lease-table.ts";
import type { StoreSurroundings } from "../store.ts";
import type { StoreHealth } from "../store-health.ts";
import type { FileSystemClock } from "./file-system-clock.ts";
import type { Layout } from "./layout.ts";
import { LeaseDirectory, type LeaseFileReader } from "./lease-directory.ts";
import { isExpired, type LeaseFile } from "./lease-file.ts";
import { watchDirectory } from "./watch-directory.ts";

/** Yields when the table is complete for the first time, and after each change of it. */
export async function* feedTable(
  table: LeaseTable,
  layout: Layout,
  pollMs: number,
  time: FileSystemClock,
  surroundings: StoreSurroundings & { readonly health: StoreHealth },
  signal: AbortSignal,
): AsyncGenerator<void, never> {
  const { files, clock, log, health } = surroundings;
  const directory = new LeaseDirectory(layout, files);
  const reader = new TableReader(table, time, clock);
  let isComplete = false;
  for await (const changed of watchDirectory(layout.subnets, pollMs, surroundings, signal)) {
    try {
      await time.update();
      const hasChanged = await directory.refresh(changed, reader);
      health.succeeded();
      if (!reader.updateExpired() && !hasChanged && isComplete) continue;
    } catch (error) {
      // Peers do not change while the directory is unreadable; the next poll retries.
      const reason = messageOf(error);
      health.failed(`${layout.subnets} cannot be read: ${reason}`);
      log.warn({ op: "read-leases", reason }, "lease directory not read, will retry");
      continue;
    }
    isComplete = true;
    yield;
  }
  throw new Error("watching a directory ended by itself");
}

/** A lease with an expiry; its file stays until another node needs the subnet. */
interface ExpiringLease {
  readonly file: LeaseFile;
  /** By the monotonic clock, as of the first sight of the file. */
  readonly expiresAtMs: number;
  readonly isListed: boolean;
}

class TableReader implements LeaseFileReader {
  readonly #table: LeaseTable;
  readonly #time: FileSystemClock;
  readonly #clock: Clock;
  readonly #expiring = new Map<string, ExpiringLease>();

  constructor(table: LeaseTable, time: FileSystemClock, clock: Clock) {
    this.#table = table;
    this.#time = time;
    this.#clock = clock;
  }

  put(key: string, read: () => LeaseFile): void {
    this.#expiring.delete(key);
    this.#table.put(key, () => {
      const file = read();
      if (file.expiresAtWallMs !== null) {
        const expiresAtMs = this.#clock.nowMs() + file.expiresAtWallMs - this.#time.wallMs();
        this.#expiring.set(key, { file, expiresAtMs, isListed: true });
      }
      return leaseOf(file);
    });
  }

  delete(key: string): void {
    this.#expiring.delete(key);
    this.#table.delete(key);
  }

  /**
   * A lease has expired when both clocks say so: a wall clock that is set withdraws nobody, and one that was wrong hides
   * a lease only until it is set right. True when any lease is listed or hidden now.
   */
  updateExpired(): boolean {
    let hasChanged = false;
    const [nowMs, wallMs] = [this.#clock.nowMs(), this.#time.wallMs()];
    for (const [key, { file, expiresAtMs, isListed }] of this.#expiring) {
      const isValid = nowMs < expiresAtMs || !isExpired(file, wallMs);
      if (isValid === isListed) continue;
      if (isValid) this.#table.put(key, () => leaseOf(file));
      else this.#table.delete(key);
      this.#expiring.set(key, { file, expiresAtMs, isListed: isValid });
      hasChanged = true;
    }
    return hasChanged;
  }
}

/** The lease without the fields of its file. */
function leaseOf({ owner: _, expiresAtWallMs: _expiry, isReservation: _kind, ...lease }: LeaseFile): Lease {
  return lease;
}
