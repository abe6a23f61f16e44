/** Keeps a table of leases in step with a directory. */
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
      // Peers stay what they were while the directory is away; the next poll tries again.
      const reason = messageOf(error);
      health.failed(`${layout.subnets} cannot be read: ${reason}`);
      log.warn({ op: "read-leases", reason }, "cannot read the directory of leases");
      continue;
    }
    isComplete = true;
    yield;
  }
  throw new Error("watching a directory ended by itself");
}

class TableReader implements LeaseFileReader {
  readonly #table: LeaseTable;
  /** Those that expire; the file stays until somebody needs the subnet. */
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

  /** True when there were any. */
  dropExpired(wallMs: number): boolean {
    const expired = [...this.#expiring.values()].filter((file) => isExpired(file, wallMs));
    for (const { key } of expired) this.delete(key);
    return expired.length > 0;
  }
}

/** The whole lease, without what is only the file's. */
function leaseOf({ owner: _, expiresAtWallMs: _expiry, isReservation: _kind, ...lease }: LeaseFile): Lease {
  return lease;
}
