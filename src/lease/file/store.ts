import type { FileStoreOptions } from "../../config/store-options.ts";
import { replaceFile } from "../../runtime/atomic-file.ts";
import { messageOf, TweedError } from "../../runtime/error.ts";
import { orMissing } from "../../runtime/files.ts";
import { previousLease } from "../claim-plan.ts";
import { coalesced, snapshotIntervalMs } from "../coalesce.ts";
import type { Lease, LeaseSnapshot } from "../lease.ts";
import { LeaseTable } from "../lease-table.ts";
import type { HeldLease, LeaseRequest, LeaseStore, PreviousRequest, StoreSurroundings } from "../store.ts";
import { StoreHealth } from "../store-health.ts";
import { noSuchLease, storeEmptied } from "../stored-lease.ts";
import { parseSubnetKey } from "../subnet-key.ts";
import { followText } from "../text-file.ts";
import { FileClaimant } from "./claimant.ts";
import { DIRECTORY_MODE, DirectoryLock } from "./directory-lock.ts";
import { feedTable } from "./feed.ts";
import { fileError } from "./file-error.ts";
import { FileSystemClock } from "./file-system-clock.ts";
import { Layout } from "./layout.ts";
import { FILE_STORE_TIMING, type FileStoreTiming } from "./timing.ts";
import { watchDirectory } from "./watch-directory.ts";

/**
 * Leases as files in a directory that all daemons share: `config.json` and `subnets/<key>.json`. For labs on one
 * machine, and for any set of hosts with a shared file system, see file-system-clock.ts.
 */
export class FileStore implements LeaseStore {
  readonly name = "file";
  readonly subnets = "leased";
  readonly identifiesNodes = false;
  readonly health: StoreHealth;
  readonly #layout: Layout;
  /** false for a command that only reads: there a missing directory means a wrong path. */
  readonly #mayCreate: boolean;
  readonly #timing: FileStoreTiming;
  readonly #surroundings: StoreSurroundings;
  readonly #time: FileSystemClock;
  readonly #claimant: FileClaimant;

  /** Neither reads nor writes yet. */
  constructor(
    options: Pick<FileStoreOptions, "directory"> & { readonly mayCreate?: boolean },
    surroundings: StoreSurroundings,
    timing: FileStoreTiming = FILE_STORE_TIMING,
  ) {
    this.health = new StoreHealth(surroundings.clock);
    this.#layout = new Layout(options.directory);
    this.#mayCreate = options.mayCreate ?? true;
    this.#timing = timing;
    this.#surroundings = { ...surroundings, log: surroundings.log.child({ store: "file" }) };
    this.#time = new FileSystemClock(this.#layout, this.#mayCreate, this.#surroundings);
    this.#claimant = new FileClaimant(this.#layout, timing, this.#time, this.#surroundings);
  }

  async *configurations(signal: AbortSignal): AsyncGenerator<string, void> {
    await this.#waitForDirectory(this.#layout.directory, signal);
    yield* followText(this.#layout.config, this.#timing.pollMs, this.#surroundings, signal);
  }

  acquire(request: LeaseRequest, signal: AbortSignal): Promise<HeldLease> {
    return this.#claimant.acquire(request, signal);
  }

  async holdUntilLost(held: HeldLease, signal: AbortSignal): Promise<string> {
    const { key } = held.lease;
    const { subnets } = this.#layout;
    for await (const _ of watchDirectory(subnets, this.#timing.pollMs, this.#surroundings, signal)) {
      try {
        const lost = await this.#claimant.checkAndRenew(key, signal);
        if (lost !== null) return lost;
      } catch (error) {
        signal.throwIfAborted();
        const { log } = this.#surroundings;
        log.warn({ op: "keep-lease", key, reason: messageOf(error) }, "lease not renewed, will retry");
      }
    }
    throw new Error("watching a directory ended by itself");
  }

  snapshots(signal: AbortSignal): AsyncIterableIterator<LeaseSnapshot, never> {
    const table = new LeaseTable(this.#surroundings.log);
    const changes = (ended: AbortSignal) => this.#changes(table, ended);
    return coalesced(changes, () => table.snapshot(), snapshotIntervalMs, this.#surroundings.clock, signal);
  }

  async *#changes(table: LeaseTable, signal: AbortSignal): AsyncGenerator<unknown, void> {
    await this.#waitForDirectory(this.#layout.subnets, signal);
    const parts = { ...this.#surroundings, health: this.health };
    yield* feedTable(table, this.#layout, this.#timing.pollMs, this.#time, parts, signal);
  }

  async list(signal: AbortSignal): Promise<readonly Lease[]> {
    signal.throwIfAborted();
    const { config } = this.#layout;
    try {
      const { leases } = await this.#claimant.list("also lately expired");
      // An empty mount point looks like this.
      if ((await orMissing(this.#surroundings.files.status(config))) === null)
        throw storeEmptied(`the network configuration ${config} is missing as well`);
      return leases;
    } catch (error) {
      throw fileError("list leases", error);
    }
  }

  async previous(request: PreviousRequest, signal: AbortSignal): Promise<Lease | null> {
    signal.throwIfAborted();
    try {
      const listing = await orMissing(this.#claimant.list());
      return previousLease(listing?.leases ?? [], request);
    } catch (error) {
      throw fileError("find the previous lease", error);
    }
  }

  configure(text: string, signal: AbortSignal): Promise<void> {
    const { config, temporaryPrefix } = this.#layout;
    return this.#locked("write the configuration", signal, () =>
      replaceFile(this.#surroundings.files, config, `${text.trimEnd()}\n`, { temporaryPrefix }),
    );
  }

  release(key: string, signal: AbortSignal): Promise<void> {
    return this.#locked(`release lease ${key}`, signal, async () => {
      // Validates the key: one such as "../config" must not leave the directory.
      if (parseSubnetKey(key) === null) throw noSuchLease(key);
      const removed = await orMissing(
        this.#surroundings.files.unlink(this.#layout.lease(key)).then(() => true),
      );
      if (removed === null) throw noSuchLease(key);
    });
  }

  async close(): Promise<void> {}

  /**
   * As {@link #makeDirectory}, and retries during an outage: a file system over a network may not answer.
   * @throws TweedError `no-such-store`
   */
  async #waitForDirectory(path: string, signal: AbortSignal): Promise<void> {
    const { clock, log } = this.#surroundings;
    let loggedReason: string | null = null;
    for (;;) {
      try {
        await this.#makeDirectory(path);
        this.health.succeeded();
        return;
      } catch (error) {
        signal.throwIfAborted();
        if (error instanceof TweedError) throw error;
        const reason = messageOf(error);
        this.health.failed(`${path} cannot be used: ${reason}`);
        if (reason !== loggedReason)
          log.warn({ op: "read-leases", reason }, "lease directory not usable, will retry");
        loggedReason = reason;
      }
      await clock.sleep(this.#timing.pollMs, signal);
    }
  }

  /** @throws TweedError `no-such-store` when it is missing and must not be created */
  async #makeDirectory(path: string): Promise<void> {
    const { files } = this.#surroundings;
    if (this.#mayCreate) {
      await files.makeDirectory(path, DIRECTORY_MODE);
      return;
    }
    try {
      await files.list(path);
    } catch (cause) {
      throw new TweedError({
        code: "no-such-store",
        operation: `open the file store ${this.#layout.directory}`,
        reason: `${messageOf(cause)}; expected the daemons' directory of --store-path`,
        cause,
      });
    }
  }

  async #locked<T>(operation: string, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    await this.#makeDirectory(this.#layout.subnets);
    return new DirectoryLock(this.#layout, this.#surroundings).hold(operation, signal, work);
  }
}
