/** Claims, renews and checks this node's lease in a directory; holds the directory's lock for every change. */
import { join } from "node:path";
import { type DualPrefix, FAMILIES } from "../../net/index.ts";
import { type AtomicWrite, createFile, replaceFile } from "../../runtime/atomic-file.ts";
import { TweedError } from "../../runtime/error.ts";
import { type Files, orMissing } from "../../runtime/files.ts";
import { type Listing, type PlannedClaim, planClaim, warnOfBlockers } from "../claim-plan.ts";
import { isSameContent, type Lease } from "../lease.ts";
import type { HeldLease, LeaseRequest, StoreSurroundings } from "../store.ts";
import { ifReadable } from "../stored-lease.ts";
import { formatSubnetKey, parseSubnetKey } from "../subnet-key.ts";
import { DirectoryLock } from "./directory-lock.ts";
import type { FileSystemClock } from "./file-system-clock.ts";
import { type Layout, TEMPORARY } from "./layout.ts";
import { LeaseDirectory } from "./lease-directory.ts";
import { formatLeaseFile, isExpired, type LeaseFile, parseLeaseFile } from "./lease-file.ts";
import { readOrFault } from "./lease-text.ts";
import type { FileStoreTiming } from "./timing.ts";

/** A temporary file this old is from a daemon that was killed during a write. */
const ABANDONED_MS = 60_000;

/** A read of the lease may lag this many publications behind. */
const MAX_REMEMBERED = 16;

/** Which leases are listed: those that have not been expired for longer. */
const EXPIRED_FOR_MS = {
  "without expired": 0,
  "also lately expired": 2 * 86_400_000,
  "also expired": Number.POSITIVE_INFINITY,
} as const;

export class FileClaimant {
  readonly #layout: Layout;
  readonly #timing: FileStoreTiming;
  readonly #time: FileSystemClock;
  readonly #surroundings: StoreSurroundings;
  readonly #files: Files;
  readonly #lock: DirectoryLock;
  /** Identifies this run of the daemon, as another run on the same node writes files too. */
  readonly #owner: string;
  /** Newest first. */
  #written: readonly Lease[] = [];

  constructor(
    layout: Layout,
    timing: FileStoreTiming,
    time: FileSystemClock,
    surroundings: StoreSurroundings,
  ) {
    this.#layout = layout;
    this.#timing = timing;
    this.#time = time;
    this.#surroundings = surroundings;
    this.#files = surroundings.files;
    this.#lock = new DirectoryLock(layout, surroundings);
    this.#owner = Buffer.from(surroundings.random.bytes(12)).toString("hex");
  }

  /** @param expired where hosts stamp files by their own clocks, one whose clock is wrong sees leases expire that live */
  async list(expired: keyof typeof EXPIRED_FOR_MS = "without expired"): Promise<Listing<LeaseFile>> {
    const expiredForMs = EXPIRED_FOR_MS[expired];
    if (Number.isFinite(expiredForMs)) await this.#time.update();
    const isListed = (file: LeaseFile) => !isExpired(file, this.#time.wallMs() - expiredForMs);
    const leases: LeaseFile[] = [];
    const unreadable: DualPrefix[] = [];
    await new LeaseDirectory(this.#layout, this.#files).refresh(null, {
      put: (key, read) => {
        const subnets = parseSubnetKey(key);
        if (subnets === null) return;
        const file = ifReadable(read);
        if (file === null) unreadable.push(subnets);
        else if (isListed(file)) leases.push(file);
      },
      delete: () => undefined,
    });
    return { leases, unreadable, versionOf };
  }

  acquire(request: LeaseRequest, signal: AbortSignal): Promise<HeldLease> {
    return this.#lock.hold("acquire lease", signal, async () => {
      await this.#time.update();
      await this.#removeAbandoned();
      const all = await this.list("also expired");
      const expired = all.leases.filter((file) => isExpired(file, this.#time.wallMs()));
      const listing = { ...all, leases: all.leases.filter((file) => !expired.includes(file)) };
      const plan = planClaim(request, listing, 0, this.#surroundings.random);
      for (const stale of plan.stale) await orMissing(this.#files.unlink(this.#layout.lease(stale.key)));
      if (plan.reuse !== null)
        return { ...(await this.#publish(request, plan.reuse)), takenFrom: plan.takenFrom };
      const claim = this.#planNew(request, listing, expired);
      warnOfBlockers(this.#surroundings.log, claim);
      return this.#create(request, claim.subnets, listing.leases);
    });
  }

  /**
   * A subnet whose lease has expired goes to a node that never had it last: its owner may have been off for a day, and
   * where hosts stamp files by their own clocks, a host's clock may be wrong.
   */
  #planNew(request: LeaseRequest, live: Listing<LeaseFile>, expired: readonly LeaseFile[]): PlannedClaim {
    const { random } = this.#surroundings;
    const former = planClaim(request, { ...live, leases: expired }, 0, random).reuse;
    const previousSubnets = former?.subnets ?? request.previousSubnets;
    const planBeside = (avoided: readonly LeaseFile[]) => {
      const unreadable = [...live.unreadable, ...avoided.map(({ subnets }) => subnets)];
      return planClaim({ ...request, previousSubnets }, { ...live, unreadable }, 0, random).claim();
    };
    const isFormer = ({ subnets }: LeaseFile) =>
      FAMILIES.some((family) => subnets[family] !== null && subnets[family] === previousSubnets[family]);
    try {
      return planBeside(expired.filter((file) => !isFormer(file)));
    } catch (error) {
      if (!(error instanceof TweedError) || error.code !== "out-of-subnets") throw error;
      return planBeside([]);
    }
  }

  /** Renews the lease when that is due. @returns why the lease is lost, or null while it is this daemon's */
  async checkAndRenew(key: string, signal: AbortSignal): Promise<string | null> {
    await this.#time.update();
    const seen = await this.#read(key);
    const lost = this.#lossOf(key, seen);
    if (lost !== null || seen === null || seen === "unreadable") return lost;
    if (this.#isNewest(seen) && !this.#isRenewalDue(seen)) return null;
    return this.#lock.hold(`renew lease ${key}`, signal, async () => {
      const lostMeanwhile = this.#lossOf(key, await this.#read(key));
      const [newest] = this.#written;
      if (lostMeanwhile !== null || newest === undefined) return lostMeanwhile;
      // Writes this daemon's own text again, never text that it read.
      await this.#replace(newest, this.#nextExpiry());
      return null;
    });
  }

  async #replace(lease: Lease, expiresAtWallMs: number | null): Promise<void> {
    this.#remember(lease);
    const text = formatLeaseFile(lease, this.#owner, expiresAtWallMs);
    await replaceFile(this.#files, this.#layout.lease(lease.key), `${text}\n`, this.#howToWrite(lease));
  }

  async #publish(request: LeaseRequest, known: LeaseFile): Promise<HeldLease> {
    const { key, subnets, claimedAt } = known;
    const lease: Lease = { key, subnets, claimedAt, ...publishedBy(request) };
    const expiresAtWallMs = known.isReservation ? null : this.#nextExpiry();
    await this.#replace(lease, expiresAtWallMs);
    return this.#held(lease, expiresAtWallMs);
  }

  async #create(
    request: LeaseRequest,
    subnets: Lease["subnets"],
    leases: readonly Lease[],
  ): Promise<HeldLease> {
    const key = formatSubnetKey(subnets);
    const path = this.#layout.lease(key);
    // By the wall clock alone a newcomer could be the oldest, if the clock was set back.
    let claimedAt = BigInt(Math.floor(this.#time.wallMs()));
    for (const other of leases) if (other.claimedAt >= claimedAt) claimedAt = other.claimedAt + 1n;
    const lease: Lease = { key, subnets, claimedAt, ...publishedBy(request) };
    const expiresAtWallMs = this.#nextExpiry();
    const text = formatLeaseFile(lease, this.#owner, expiresAtWallMs);
    this.#remember(lease);
    // Only an expired lease can be in its place, or the subnet would not be free.
    await orMissing(this.#files.unlink(path));
    const isOurs = await createFile(this.#files, path, `${text}\n`, this.#howToWrite(lease));
    if (isOurs) return this.#held(lease, expiresAtWallMs);
    throw new TweedError({
      code: "lease-contended",
      operation: "acquire lease",
      reason: `${path} was created without the lock of the directory`,
      retryable: true,
    });
  }

  #held(lease: Lease, expiresAtWallMs: number | null): HeldLease {
    const { clock } = this.#surroundings;
    const leftMs = expiresAtWallMs === null ? null : expiresAtWallMs - this.#time.wallMs();
    return { lease, expiresAtMs: leftMs === null ? null : clock.nowMs() + leftMs };
  }

  /** null where there is no file. */
  async #read(key: string): Promise<LeaseFile | "unreadable" | null> {
    const file = await readOrFault(this.#files, this.#layout.lease(key));
    if (file === null) {
      // A network in operation has a configuration. @throws without one: the directory is away, or not mounted
      await this.#files.status(this.#layout.config);
      return null;
    }
    if (file instanceof TweedError) return "unreadable";
    return ifReadable(() => parseLeaseFile(key, file.text, file.writtenAtWallMs)) ?? "unreadable";
  }

  /** An expired file is this daemon's until another node claims it. */
  #lossOf(key: string, file: LeaseFile | "unreadable" | null): string | null {
    if (file === null) return `${key} was deleted or has expired`;
    if (file === "unreadable") return `${key} was rewritten by another writer, and cannot be read`;
    // Another writer can copy the owner's name, so the content must match too.
    const isOurs =
      file.owner === this.#owner &&
      this.#written.some((lease) => lease.key === key && isSameContent(lease, file));
    return isOurs ? null : `${key} was rewritten by another writer`;
  }

  /** To be called before the write, so that a read right after it recognises the content. */
  #remember(lease: Lease): void {
    const others = this.#written.filter((each) => !(each.key === lease.key && isSameContent(each, lease)));
    this.#written = [lease, ...others].slice(0, MAX_REMEMBERED);
  }

  /** An earlier text of this daemon is there while a write is in progress, and after the directory was restored. */
  #isNewest(file: LeaseFile): boolean {
    const [newest] = this.#written;
    return newest !== undefined && isSameContent(newest, file);
  }

  #isRenewalDue({ expiresAtWallMs }: LeaseFile): boolean {
    const { leaseTtlMs, renewMarginMs } = this.#timing;
    // A short time to live is less than the whole margin.
    const marginMs = Math.min(renewMarginMs, (leaseTtlMs * 2) / 3);
    return expiresAtWallMs !== null && expiresAtWallMs - this.#time.wallMs() <= marginMs;
  }

  /** The time of the claim may be in the future, where the clock was set back. */
  #howToWrite({ claimedAt }: Lease): AtomicWrite {
    return { modifiedAtWallMs: Number(claimedAt), temporaryPrefix: this.#layout.temporaryPrefix };
  }

  #nextExpiry(): number {
    return this.#time.wallMs() + this.#timing.leaseTtlMs;
  }

  async #removeAbandoned(): Promise<void> {
    const { directory } = this.#layout;
    for (const name of await this.#files.list(directory)) {
      if (!name.startsWith(TEMPORARY)) continue;
      const path = join(directory, name);
      const status = await orMissing(this.#files.status(path));
      if (status === null) continue;
      // Of a claim in the future only the time of its change tells the age.
      const writtenAtMs = Math.min(status.modifiedAtWallMs, status.changedAtWallMs);
      if (this.#time.wallMs() - writtenAtMs > ABANDONED_MS) await orMissing(this.#files.unlink(path));
    }
  }
}

function publishedBy({ content, identity }: LeaseRequest): Omit<Lease, "key" | "subnets" | "claimedAt"> {
  return { ...content, ...(identity === undefined ? {} : { identity }) };
}

/** A renewal changes the expiry. */
function versionOf({ expiresAtWallMs }: LeaseFile): bigint {
  return BigInt(expiresAtWallMs ?? 0);
}
