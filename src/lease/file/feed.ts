/** Updates a table of leases from a directory. */
import { messageOf } from "../../runtime/error.ts";
import type { Lease } from "../lease.ts";
import type { LeaseTable } from "../lease-table.ts";
import type { StoreSurroundings } from "../store.ts";
import type { StoreHealth } from "../store-health.ts";
import type { Layout } from "./layout.ts";
import { LeaseDirectory, type LeaseFileReader } from "./lease-directory.ts";
import { isExpired, type LeaseFile } from "./lease-file.ts";
import { watchDirectory } from "./watch-directory.ts";

/** Yields when the table is complete for the first time, and after each change of it. */
export async function* feedTable(
  table: LeaseTable,
  layout: Layout,
  pollMs: number,
  surroundings: StoreSurroundings & { readonly health: StoreHealth },
  signal: AbortSignal,
): AsyncGenerator<void, never> {
  const { files, clock, log, health } = surroundings;
  const directory = new LeaseDirectory(layout, files);
  const reader = new TableReader(table);
  let isComplete = false;
  for await (const changed of watchDirectory(layout.subnets, pollMs, surroundings, signal)) {
    try {
      const hasChanged = await directory.refresh(changed, reader);
      health.succeeded();
      if (!reader.dropExpired(clock.wallMs()) && !hasChanged && isComplete) continue;
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

class TableReader implements LeaseFileReader {
  readonly #table: LeaseTable;
  /** Leases with an expiry; their file stays until another node needs the subnet. */
  readonly #expiring = new Map<string, LeaseFile>();

  constructor(table: LeaseTable) {
    this.#table = table;
  }

  put(key: string, read: () => LeaseFile): void {
    this.#expiring.delete(key);
    this.#table.put(key, () => {
      const file = read();
      if (file.expiresAtWallMs !== null) this.#expiring.set(key, file);
      return leaseOf(file);
    });
  }

  delete(key: string): void {
    this.#expiring.delete(key);
    this.#table.delete(key);
  }

  /** True when any had expired. */
  dropExpired(wallMs: number): boolean {
    const expired = [...this.#expiring.values()].filter((file) => isExpired(file, wallMs));
    for (const { key } of expired) this.delete(key);
    return expired.length > 0;
  }
}

/** The lease without the fields of its file. */
function leaseOf({ owner: _, expiresAtWallMs: _expiry, isReservation: _kind, ...lease }: LeaseFile): Lease {
  return lease;
}
