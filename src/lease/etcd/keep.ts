/** Holds on to a lease: renews it in time, and says when it is gone. */
import { Backoff } from "../../runtime/backoff.ts";
import { messageOf, TweedError } from "../../runtime/error.ts";
import type { Written } from "./claimant.ts";
import { renewLease } from "./etcd-lease.ts";
import { type FollowContext, follow, type RangeReader } from "./follow.ts";
import { singleKey } from "./keys.ts";
import { list } from "./list.ts";

const DAY_MS = 86_400_000;

/** The lease this node holds; the store replaces `written` whenever it publishes on it. */
export interface Holding {
  readonly etcdKey: string;
  written: Written;
  /** Settles once no write of this node's own is under way. */
  settled: Promise<void>;
}

export interface KeepContext extends FollowContext {
  readonly renewMarginMs: number;
}

/** Resolves with the reason once the lease is lost, for which only etcd's word counts, not the time passed. */
export async function keep(context: KeepContext, holding: Holding, signal: AbortSignal): Promise<string> {
  const stop = new AbortController();
  const ended = AbortSignal.any([signal, stop.signal]);
  const tasks = [watchForLoss(context, holding, ended), renewUntilLoss(context, holding, ended)];
  try {
    return await Promise.race(tasks);
  } finally {
    stop.abort();
    await Promise.allSettled(tasks);
  }
}

async function watchForLoss(context: KeepContext, holding: Holding, signal: AbortSignal): Promise<string> {
  const sight = new Sight();
  for await (const _ of follow(context, singleKey(holding.etcdKey), sight, signal)) {
    const lost = await judge(sight, holding);
    if (lost !== null) return lost;
  }
  throw new Error("following a key ended by itself");
}

async function renewUntilLoss(context: KeepContext, holding: Holding, signal: AbortSignal): Promise<string> {
  const { clock, random, log } = context;
  const backoff = new Backoff({ firstMs: 1_000, maxMs: 60_000, random });
  for (;;) {
    const { granted } = holding.written;
    if (granted === null) {
      // A reservation stays one: there is nothing to do but to wait with the other task.
      await clock.sleep(DAY_MS, signal);
      continue;
    }
    // A short time to live (a test's, an operator's) leaves no room for the whole margin.
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
        isOverdue ? "the lease is past its expiry and cannot be renewed" : "cannot renew the lease",
      );
      await clock.sleep(Math.min(backoff.nextMs(), Math.max(100, marginMs / 8)), signal);
    }
  }
}

/** @returns why the lease is lost, or null once it is renewed */
async function renew(context: KeepContext, holding: Holding, signal: AbortSignal): Promise<string | null> {
  const { connection, timing, clock } = context;
  const sight = new Sight();
  sight.beginList();
  await list(connection, singleKey(holding.etcdKey), (entry) => sight.put(entry), signal);
  sight.endList();
  const lost = await judge(sight, holding);
  const { granted } = holding.written;
  if (lost !== null || granted === null) return lost;
  const renewed = await renewLease(connection, granted.id, timing.requestTimeoutMs, clock, signal);
  if (renewed === null) return `${holding.etcdKey} has expired`;
  // Published meanwhile on another etcd lease: that one is fresh.
  if (holding.written.granted?.id === renewed.id) holding.written = { ...holding.written, granted: renewed };
  return null;
}

/** What was last seen of the key: the revision at which it was written, or that it is not there. */
class Sight implements RangeReader {
  #isThere = false;
  /** Of the newest write or deletion seen; null when a listing came without the key. */
  revision: bigint | null = null;

  get isThere(): boolean {
    return this.#isThere;
  }
  beginList(): void {
    this.#isThere = false;
    this.revision = null;
  }
  endList(): void {}
  put(entry: { readonly modRevision: bigint }): void {
    this.#isThere = true;
    this.revision = entry.modRevision;
  }
  delete(_key: string, modRevision: bigint): void {
    this.#isThere = false;
    this.revision = modRevision;
  }
}

async function judge(sight: Sight, holding: Holding): Promise<string | null> {
  const { isThere, revision } = sight;
  // What was seen may be this node's own write, whose answer is still on its way.
  await holding.settled;
  if (revision !== null && revision <= holding.written.modRevision) return null;
  return `${holding.etcdKey} was ${isThere ? "rewritten by somebody else" : "deleted or has expired"}`;
}
