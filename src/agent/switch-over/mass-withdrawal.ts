/**
 * Holds back a mass withdrawal: peers that the store stops listing stay programmed if they are more than half of all,
 * until a second reading of the store, independent of the watch, confirms that they are gone. Pure.
 *
 * - The peers counted are those with a path in the last plan: one of one is a mass withdrawal, and two of two. Before
 *   the first plan the kernel has the peers of an earlier daemon: those that it knew are counted in the first snapshot,
 *   and then those of the last one.
 * - A peer is missing when its key is not in the snapshot, or is there with an unreadable value, unless another lease
 *   has its subnet or its address: that is a change.
 * - All peers that went within {@link WINDOW_MS} count together: a directory is not emptied in one step.
 */
import type { Lease, LeaseSnapshot } from "../../lease/lease.ts";
import { FAMILIES } from "../../net/index.ts";

export const WINDOW_MS = 1_000;
/**
 * A confirmed withdrawal is applied when no peer has returned for this long: the live nodes of a store that has lost
 * its data claim their leases again one after the other.
 */
export const SETTLE_MS = 1_000;
/** The bound for confirmed withdrawals while other peers keep returning. */
export const MAX_SETTLE_MS = 30_000;
/** Delays after readings that failed or contradicted the watch: each node of a large cluster reads all leases. */
export const REREAD_MS = { first: 2_000, max: 64_000 };

/** A peer that the newest snapshot does not list. */
export interface MissingPeer {
  /** As last listed; null where only an earlier daemon has read it. */
  readonly lease: Lease | null;
  readonly sinceMs: number;
  /** Readings that had begun by then: they prove nothing about this peer. */
  readonly readings: number;
  /** By the newest reading that began afterwards. */
  readonly verdict: "unread" | "gone" | "listed";
}

export interface Withdrawals {
  /** Keys of the peers that an earlier daemon knew. */
  readonly former: ReadonlySet<string>;
  /** Keys of the peers to which a path of the last plan leads; null before the first plan. */
  readonly programmed: ReadonlySet<string> | null;
  /** The newest snapshot of the watch. */
  readonly received: LeaseSnapshot | null;
  /** Peers that were withdrawn without confirmation within the window, and when. */
  readonly recent: ReadonlyMap<string, number>;
  /** Peers that are held back, by key; null when nothing is. */
  readonly missing: ReadonlyMap<string, MissingPeer> | null;
  readonly lastReturnMs: number;
  /** Readings that have begun, and whether the newest has not ended yet. */
  readonly readings: number;
  readonly isReading: boolean;
  /** When the next reading is due if the verdict on a peer is open, and the delay before the one after it. */
  readonly rereadAtMs: number;
  readonly rereadDelayMs: number;
  /** Why the newest reading failed. */
  readonly fault: string | null;
  readonly totals: WithdrawalTotals;
}

/** Since the start: mass withdrawals, and peers of them that were withdrawn or are listed again. */
export interface WithdrawalTotals {
  readonly begun: number;
  readonly withdrawn: number;
  readonly returned: number;
}

export const NO_WITHDRAWALS: Withdrawals = {
  former: new Set(),
  programmed: null,
  received: null,
  recent: new Map(),
  missing: null,
  lastReturnMs: Number.NEGATIVE_INFINITY,
  readings: 0,
  isReading: false,
  rereadAtMs: Number.NEGATIVE_INFINITY,
  rereadDelayMs: REREAD_MS.first,
  fault: null,
  totals: { begun: 0, withdrawn: 0, returned: 0 },
};

/** @param before the leases of which plans have been made until now */
export function receive(
  state: Withdrawals,
  before: LeaseSnapshot | null,
  received: LeaseSnapshot,
  nowMs: number,
): Withdrawals {
  const keys = keysOf(received);
  const isRecent = ([key, atMs]: [string, number]) => nowMs - atMs < WINDOW_MS && !keys.has(key);
  const recent = new Map([...state.recent].filter(isRecent));
  // No copies of the thousands that are there, of which few are gone.
  const programmed = state.programmed ?? (before === null ? state.former : keysOf(before));
  const absent = new Set<string>();
  for (const key of programmed) if (!keys.has(key)) absent.add(key);
  for (const key of state.missing?.keys() ?? []) if (!keys.has(key)) absent.add(key);
  if (absent.size === 0 && state.missing === null) return { ...state, received, recent };
  const gone = before === null ? lastRead(absent, state.received) : withoutReplaced(before, absent, received);
  let counted = programmed.size;
  for (const key of recent.keys()) if (!programmed.has(key)) counted += 1;
  const isMass = 2 * (gone.size + recent.size) > counted;
  if (state.missing === null && (gone.size === 0 || !isMass)) {
    for (const key of gone.keys()) recent.set(key, nowMs);
    return { ...state, received, recent };
  }
  const { readings } = state;
  const missing = new Map<string, MissingPeer>();
  for (const [key, lease] of gone)
    missing.set(key, state.missing?.get(key) ?? { lease, sinceMs: nowMs, readings, verdict: "unread" });
  const returned = [...(state.missing?.keys() ?? [])].filter((key) => !missing.has(key)).length;
  const totals = {
    ...state.totals,
    begun: state.totals.begun + Number(state.missing === null),
    returned: state.totals.returned + returned,
  };
  const next = { ...state, received, recent, totals };
  return withMissing(returned > 0 ? afterReturn(next, nowMs) : next, missing);
}

/** A watch that lists peers again may be right about the others: the next reading does not wait for long. */
function afterReturn(state: Withdrawals, nowMs: number): Withdrawals {
  const rereadAtMs = Math.min(state.rereadAtMs, nowMs + REREAD_MS.first);
  return { ...state, lastReturnMs: nowMs, rereadAtMs, rereadDelayMs: REREAD_MS.first };
}

/** Of a peer that the reading lists and the watch does not, the reading is right: the peer stays, as listed. */
export function confirm(state: Withdrawals, leases: readonly Lease[], nowMs: number): Withdrawals {
  if (state.missing === null) return { ...state, isReading: false };
  const listed = new Map(leases.map((lease) => [lease.key, lease]));
  const missing = new Map<string, MissingPeer>();
  for (const [key, peer] of state.missing) {
    const lease = listed.get(key);
    const verdict = lease === undefined ? "gone" : "listed";
    const isRead = peer.readings < state.readings;
    missing.set(key, isRead ? { ...peer, lease: lease ?? peer.lease, verdict } : peer);
  }
  return delayed({ ...state, missing, fault: null }, nowMs);
}

/** The peers stay while the store cannot be read. */
export function failReading(state: Withdrawals, fault: string, nowMs: number): Withdrawals {
  if (state.missing === null) return { ...state, isReading: false };
  return delayed({ ...state, fault }, nowMs);
}

/** Withdraws the peers whose absence is confirmed and due. */
export function conclude(state: Withdrawals, nowMs: number): Withdrawals {
  if (state.missing === null) return state;
  const missing = new Map([...state.missing].filter(([, peer]) => nowMs < withdrawalDueMs(peer, state)));
  const withdrawn = state.missing.size - missing.size;
  if (withdrawn === 0) return state;
  const totals = { ...state.totals, withdrawn: state.totals.withdrawn + withdrawn };
  const former = new Set([...state.former].filter((key) => missing.has(key) || !state.missing?.has(key)));
  return withMissing({ ...state, totals, former }, missing);
}

/** Records that a reading begins, if one is due; otherwise returns the same state. */
export function beginReading(state: Withdrawals, nowMs: number): Withdrawals {
  if (nowMs < readingDueMs(state)) return state;
  return { ...state, isReading: true, readings: state.readings + 1 };
}

/** When {@link conclude} or {@link beginReading} has something to do; infinite for never. */
export function nextDueMs(state: Withdrawals): number {
  let atMs = readingDueMs(state);
  for (const peer of state.missing?.values() ?? []) atMs = Math.min(atMs, withdrawalDueMs(peer, state));
  return atMs;
}

/**
 * The leases to plan from: those of the newest snapshot, and the peers that are held back. null while the leases of some
 * of these are not known: without a plan the kernel keeps what it has of them.
 */
export function effectiveSnapshot({ received, missing }: Withdrawals): LeaseSnapshot | null {
  if (received === null || missing === null) return received;
  const leases = [...received.leases];
  for (const { lease } of missing.values()) {
    if (lease === null) return null;
    leases.push(lease);
  }
  return { ...received, leases };
}

function withMissing(state: Withdrawals, missing: ReadonlyMap<string, MissingPeer>): Withdrawals {
  if (missing.size > 0) return { ...state, missing };
  const { rereadAtMs, rereadDelayMs } = NO_WITHDRAWALS;
  return { ...state, missing: null, fault: null, rereadAtMs, rereadDelayMs };
}

function delayed(state: Withdrawals, nowMs: number): Withdrawals {
  const { rereadDelayMs } = state;
  return {
    ...state,
    isReading: false,
    rereadAtMs: nowMs + rereadDelayMs,
    rereadDelayMs: Math.min(2 * rereadDelayMs, REREAD_MS.max),
  };
}

function withdrawalDueMs({ verdict, sinceMs }: MissingPeer, { lastReturnMs }: Withdrawals): number {
  if (verdict !== "gone") return Number.POSITIVE_INFINITY;
  return Math.min(Math.max(sinceMs, lastReturnMs) + SETTLE_MS, sinceMs + MAX_SETTLE_MS);
}

function readingDueMs({ missing, isReading, rereadAtMs, fault }: Withdrawals): number {
  if (missing === null || isReading) return Number.POSITIVE_INFINITY;
  const open = [...missing.values()].filter(({ verdict }) => verdict !== "gone");
  if (open.length === 0) return Number.POSITIVE_INFINITY;
  // Without a fault, no reading has begun since such a peer was missed.
  const isUnread = open.some(({ verdict }) => verdict === "unread");
  return isUnread && fault === null ? Number.NEGATIVE_INFINITY : rereadAtMs;
}

function keysOf({ leases }: LeaseSnapshot): ReadonlySet<string> {
  return new Set(leases.map(({ key }) => key));
}

/** The absent leases as the snapshot before has them, by key; null for one that it has not. */
function lastRead(
  absent: ReadonlySet<string>,
  snapshot: LeaseSnapshot | null,
): ReadonlyMap<string, Lease | null> {
  const gone = new Map<string, Lease | null>(Array.from(absent, (key) => [key, null]));
  for (const lease of snapshot?.leases ?? []) if (gone.has(lease.key)) gone.set(lease.key, lease);
  return gone;
}

/** The absent leases of which no lease of the snapshot has a subnet or an address, by key. */
function withoutReplaced(
  before: LeaseSnapshot,
  absent: ReadonlySet<string>,
  { leases }: LeaseSnapshot,
): ReadonlyMap<string, Lease> {
  const lost = before.leases.filter(({ key }) => absent.has(key));
  const wanted = new Set<string | null>();
  for (const { subnets, publicIps } of lost) {
    for (const family of FAMILIES) wanted.add(subnets[family]).add(publicIps[family]);
  }
  wanted.delete(null);
  const claimed = new Set<string | null>();
  for (const { subnets, publicIps } of leases) {
    for (const family of FAMILIES) {
      if (wanted.has(subnets[family])) claimed.add(subnets[family]);
      if (wanted.has(publicIps[family])) claimed.add(publicIps[family]);
    }
  }
  const isReplaced = ({ subnets, publicIps }: Lease) =>
    FAMILIES.some((family) => claimed.has(subnets[family]) || claimed.has(publicIps[family]));
  return new Map(lost.filter((lease) => !isReplaced(lease)).map((lease) => [lease.key, lease]));
}
