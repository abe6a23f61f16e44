/** Holds a lease: renews it in time and detects its loss. */
import { isDeepStrictEqual } from "node:util";
import type { DualIp } from "../../net/index.ts";
import { Backoff } from "../../runtime/backoff.ts";
import { messageOf, TweedError } from "../../runtime/error.ts";
import { linkedAbort } from "../../runtime/linked-abort.ts";
import { compareHosts, type HostIdentity } from "../host-identity.ts";
import type { Lease } from "../lease.ts";
import { ifReadable } from "../stored-lease.ts";
import { type Claimant, readEtcdLease, type Written } from "./claimant.ts";
import type { Entry } from "./entry.ts";
import { renewLease } from "./etcd-lease.ts";
import { type FollowContext, follow, type RangeReader } from "./follow.ts";
import { singleKey } from "./keys.ts";
import { list } from "./list.ts";
import type { Mark } from "./watch.ts";

const DAY_MS = 86_400_000;

/** The held lease; the store replaces `written` with each publication. */
export interface Holding {
  readonly etcdKey: string;
  written: Written;
  /** Addresses that this node has published, newest first: they identify an older state of its own lease. */
  addresses: readonly DualIp[];
  /** Resolves once no write of this node is in flight. */
  writesDone: Promise<void>;
}

export interface HoldContext extends FollowContext {
  readonly claimant: Claimant;
  readonly renewMarginMs: number;
}

/** Resolves with the reason once etcd shows that the lease is lost; time passed alone does not count. */
export async function holdUntilLost(
  context: HoldContext,
  holding: Holding,
  signal: AbortSignal,
): Promise<string> {
  const ended = linkedAbort(signal);
  const tasks = [
    watchForLoss(context, holding, ended.signal),
    renewUntilLoss(context, holding, ended.signal),
  ];
  try {
    return await Promise.race(tasks);
  } finally {
    ended.abort();
    await Promise.allSettled(tasks);
  }
}

async function watchForLoss(context: HoldContext, holding: Holding, signal: AbortSignal): Promise<string> {
  const state = new KeyState(holding);
  const ownWrite = (): Mark => {
    const { modRevision, lease } = holding.written;
    return { key: "", modRevision, createRevision: lease.claimedAt, content: null };
  };
  const following = follow({ ...context, ownWrite }, singleKey(holding.etcdKey), state, signal);
  for await (const _ of following) {
    const lost = await findLossWithRetry(context, state, holding, signal);
    if (lost !== null) return lost;
  }
  throw new Error("following a key ended by itself");
}

async function findLossWithRetry(
  context: HoldContext,
  state: KeyState,
  holding: Holding,
  signal: AbortSignal,
): Promise<string | null> {
  const { clock, random, log } = context;
  const backoff = new Backoff({ firstMs: 100, maxMs: 2_000, random });
  for (;;) {
    try {
      return await findLoss(context, state, holding, signal);
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof TweedError)) throw error;
      const fields = { op: error.operation, code: error.code, attempt: backoff.attempt + 1 };
      log.warn({ ...fields, reason: messageOf(error) }, "lease not renewed, will retry");
      await clock.sleep(backoff.nextMs(), signal);
    }
  }
}

async function renewUntilLoss(context: HoldContext, holding: Holding, signal: AbortSignal): Promise<string> {
  const { clock, random, log } = context;
  const backoff = new Backoff({ firstMs: 1_000, maxMs: 60_000, random });
  for (;;) {
    const { granted } = holding.written;
    if (granted === null) {
      // A reservation needs no renewal: only the other task can end.
      await clock.sleep(DAY_MS, signal);
      continue;
    }
    // A short time to live (a test's, an operator's) is less than the whole margin.
    const marginMs = Math.min(context.renewMarginMs, (granted.ttlMs * 2) / 3);
    const dueAtMs = granted.expiresAtMs - marginMs - random.below(Math.floor(marginMs / 10) + 1);
    await clock.sleep(Math.max(0, dueAtMs - clock.nowMs()), signal);
    try {
      const lost = await renew(context, holding, signal);
      if (lost !== null) return lost;
      backoff.reset();
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof TweedError)) throw error;
      const fields = {
        op: "renew-lease",
        code: error.code,
        attempt: backoff.attempt + 1,
        reason: messageOf(error),
      };
      const isOverdue = clock.nowMs() > granted.expiresAtMs;
      log.warn(
        fields,
        isOverdue ? "lease not renewed before its expiry, will retry" : "lease not renewed, will retry",
      );
      await clock.sleep(Math.min(backoff.nextMs(), Math.max(100, marginMs / 8)), signal);
    }
  }
}

/** @returns why the lease is lost, or null once it is renewed */
async function renew(context: HoldContext, holding: Holding, signal: AbortSignal): Promise<string | null> {
  const { connection, timing, clock } = context;
  await holding.writesDone;
  const state = new KeyState(holding);
  state.beginList(false);
  await list(connection, singleKey(holding.etcdKey), (entry) => state.put(entry), signal);
  state.endList();
  const lost = await findLoss(context, state, holding, signal);
  const { granted } = holding.written;
  if (lost !== null || granted === null) return lost;
  const renewed = await renewLease(connection, granted.id, timing.requestTimeoutMs, clock, signal);
  if (renewed === null) return `${holding.etcdKey} has expired`;
  // If it was published meanwhile on another etcd lease, that one is fresh.
  if (holding.written.granted?.id === renewed.id) holding.written = { ...holding.written, granted: renewed };
  return null;
}

/** The last known state of the key: its entry, or its absence. */
class KeyState implements RangeReader {
  /** null when the key is absent. */
  entry: Entry | null = null;
  /** Of the newest write or deletion seen; null when a listing lacked the key. */
  revision: bigint | null = null;
  /** True when revisions do not compare with those of earlier writes. */
  isRewound = false;
  readonly #holding: Holding;
  /** Revision of this node's last acknowledged write before the listing. */
  #acknowledged = 0n;

  constructor(holding: Holding) {
    this.#holding = holding;
  }

  beginList(isRewound: boolean): void {
    this.isRewound ||= isRewound;
    this.#acknowledged = this.#holding.written.modRevision;
    this.entry = null;
    this.revision = null;
  }
  /** A listing older than a write that was acknowledged before it means that etcd was restored. */
  endList(): void {
    this.isRewound ||= this.entry !== null && this.entry.modRevision < this.#acknowledged;
  }
  put(entry: Entry): void {
    this.entry = entry;
    this.revision = entry.modRevision;
  }
  delete(_key: string, modRevision: bigint): void {
    this.entry = null;
    this.revision = modRevision;
  }
  has(): boolean {
    return this.entry !== null;
  }
  get size(): number {
    return Number(this.has());
  }
}

/** @returns why the lease is lost, or null while it is this node's */
async function findLoss(
  context: HoldContext,
  state: KeyState,
  holding: Holding,
  signal: AbortSignal,
): Promise<string | null> {
  // The state may be this node's own write, whose answer has not arrived yet.
  await holding.writesDone;
  const { entry, revision, isRewound } = state;
  if (isRewound && entry !== null) return updateRestored(context, state, entry, holding, signal);
  if (!isRewound && revision !== null && revision <= holding.written.modRevision) return null;
  return `${holding.etcdKey} was ${entry === null ? "deleted or has expired" : "rewritten by another writer"}`;
}

/** Updates an older state of this node's own lease after etcd was restored from a backup. */
async function updateRestored(
  { claimant, log }: HoldContext,
  state: KeyState,
  entry: Entry,
  holding: Holding,
  signal: AbortSignal,
): Promise<string | null> {
  const { key, subnets, claimedAt: _, identity, ...content } = holding.written.lease;
  const found = ifReadable(() => readEtcdLease({ ...entry, key }));
  if (found === null || !isOfThisNode(found, identity, holding.addresses))
    return `${holding.etcdKey} belongs to another node since etcd was restored to an earlier state`;
  const published = identity === undefined ? { content } : { content, identity };
  const written = await claimant.publish(found, published, signal);
  // It changed meanwhile, and the watch delivers that next.
  if (written === null) return null;
  holding.written = written;
  state.isRewound = false;
  log.warn(
    { op: "keep-lease", key, subnet: subnets },
    "etcd was restored to an earlier state, lease updated",
  );
  return null;
}

/** Matches the id, or an address that this node published unless the identities show two hosts. */
function isOfThisNode(
  found: Lease,
  identity: HostIdentity | undefined,
  addresses: readonly DualIp[],
): boolean {
  const areBothKnown = found.identity !== undefined && identity !== undefined;
  if (areBothKnown && found.identity.id === identity.id) return true;
  if (areBothKnown && compareHosts(found.identity, identity) === "other") return false;
  return addresses.some((ips) => isDeepStrictEqual(ips, found.publicIps));
}

/** A read of the lease may lag this many publications behind, and a backup more. */
const MAX_REMEMBERED = 16;

export function withAddresses(known: readonly DualIp[], publicIps: DualIp): readonly DualIp[] {
  const others = known.filter((ips) => !isDeepStrictEqual(ips, publicIps));
  return [publicIps, ...others].slice(0, MAX_REMEMBERED);
}
