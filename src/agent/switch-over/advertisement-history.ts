/**
 * The advertisements of this node, and which of them is in force for its own paths. Peers switch as soon as they read a
 * lease; the node that changed switches last, one propagation delay after the store has handed out its lease. In
 * between it accepts packets on both paths. A peer that has not read the lease would not: a strict reverse-path filter
 * drops packets that arrive on another path. Pure.
 */
import { isSameContent, isSameOffers, type LeaseContent } from "../../lease/lease.ts";
import { isSameList } from "../../runtime/same-list.ts";

export interface Advertisement<B> {
  readonly content: LeaseContent;
  /** What `content` offers, in the same order. */
  readonly backends: readonly B[];
}

export interface AdvertisementHistory<B> {
  /** Acknowledged by the store; peers may not have read the newest ones yet. */
  readonly newestFirst: readonly Advertisement<B>[];
  /** null until the store has handed out the first. */
  readonly inForce: Advertisement<B> | null;
  /** The advertisement that comes into force next, and when, in monotonic time. */
  readonly pending: { readonly advertisement: Advertisement<B>; readonly fromMs: number } | null;
}

/** More than are ever in flight: each is written after the one before it was acknowledged. */
const MAX_REMEMBERED = 8;
/** Far more than a store needs to hand out a lease to all nodes, and a busy host to switch its paths. */
export const PROPAGATION_DELAY_MS = 1_000;

/** @param earlier the advertisement of an earlier daemon of this node, which the store still has and peers use */
export function startHistory<B>(earlier: Advertisement<B> | null): AdvertisementHistory<B> {
  return { newestFirst: earlier === null ? [] : [earlier], inForce: null, pending: null };
}

export function newestOf<B>({ newestFirst }: AdvertisementHistory<B>): Advertisement<B> | null {
  return newestFirst[0] ?? null;
}

export function recordAdvertisement<B>(
  history: AdvertisementHistory<B>,
  acknowledged: Advertisement<B>,
): AdvertisementHistory<B> {
  return { ...history, newestFirst: [acknowledged, ...history.newestFirst].slice(0, MAX_REMEMBERED) };
}

/**
 * The advertisement that the store hands out, never one older than the one in force: a snapshot may come from a replica
 * that lags. A store may publish other addresses than were asked for (an operator's, in Kubernetes), so where no content is
 * equal the offers decide. A snapshot with none of ours is older than the first lease of this process: that lease is then in
 * force, and no later one until a snapshot has it.
 * @param own the content under this node's key in the snapshot; null when there is none
 */
export function handedOut<B>(
  history: AdvertisementHistory<B>,
  own: LeaseContent | null,
): Advertisement<B> | null {
  const { newestFirst, pending, inForce } = history;
  const oldest = inForce === null ? -1 : newestFirst.indexOf(inForce);
  const candidates = oldest < 0 ? newestFirst : newestFirst.slice(0, oldest + 1);
  const found =
    own === null
      ? undefined
      : (candidates.find(({ content }) => isSameContent(content, own)) ??
        candidates.find(({ content }) => isSameOffers(content, own)));
  return found ?? pending?.advertisement ?? inForce ?? newestOf(history);
}

/**
 * Puts an advertisement into force after the propagation delay; at once the very first and one that only withdraws, as no
 * path has to switch. A backend that peers no longer read of must not be chosen for a path to one that now offers it.
 */
export function propagate<B>(
  history: AdvertisementHistory<B>,
  handed: Advertisement<B> | null,
  nowMs: number,
): AdvertisementHistory<B> {
  if (handed === null) return history;
  const { inForce, pending } = history;
  if (inForce === null || handed === inForce || onlyWithdraws(handed, inForce)) {
    return inForce === handed && pending === null ? history : { ...history, inForce: handed, pending: null };
  }
  if (handed !== pending?.advertisement) {
    return { ...history, pending: { advertisement: handed, fromMs: nowMs + PROPAGATION_DELAY_MS } };
  }
  return nowMs < pending.fromMs ? history : { ...history, inForce: handed, pending: null };
}

/** Those that {@link isNamed} finds, each once. */
export function namedBackends<B>(history: AdvertisementHistory<B>): readonly B[] {
  return [...new Set(inUse(history).flatMap((advertisement) => advertisement?.backends ?? []))];
}

function onlyWithdraws<B>({ backends }: Advertisement<B>, from: Advertisement<B>): boolean {
  const kept = from.backends.filter((backend) => backends.includes(backend));
  return backends.length < from.backends.length && isSameList(kept, backends);
}

/**
 * Whether a lease of this node that peers may still use names this backend: the one in force, and each published since,
 * as peers switch before this node does.
 */
export function isNamed<B>(history: AdvertisementHistory<B>, backend: B): boolean {
  return inUse(history).some((advertisement) => advertisement?.backends.includes(backend) === true);
}

/** The advertisements that peers may still use. */
function inUse<B>({ newestFirst, inForce, pending }: AdvertisementHistory<B>) {
  const oldest = inForce === null ? -1 : newestFirst.indexOf(inForce);
  const since = oldest < 0 ? newestFirst : newestFirst.slice(0, oldest);
  return [...since, inForce, pending?.advertisement];
}
