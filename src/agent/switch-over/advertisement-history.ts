/**
 * What this node has published, and which of it is in force for its own paths. Peers turn as soon as they read a lease;
 * the node that changed turns last, one propagation delay after the store has handed its lease out. In between it takes
 * packets both ways, which a peer that has yet to read the lease would not: strict reverse-path filters drop what comes
 * another way. Pure.
 */
import { isSameContent, type LeaseContent } from "../../lease/lease.ts";

export interface Advertisement<B> {
  readonly content: LeaseContent;
  /** What `content` offers, in the same order. */
  readonly backends: readonly B[];
}

export interface AdvertisementHistory<B> {
  /** Acknowledged by the store; peers may not have read the first ones yet. */
  readonly newestFirst: readonly Advertisement<B>[];
  /** null before the store has handed out any. */
  readonly inForce: Advertisement<B> | null;
  /** What comes into force next, and when, in monotonic time. */
  readonly coming: { readonly advertisement: Advertisement<B>; readonly fromMs: number } | null;
}

/** More than are ever under way: each is written after the one before it was acknowledged. */
const MAX_REMEMBERED = 8;
/** Far more than a store takes to hand a lease out to all nodes, and a busy host to turn its paths. */
export const PROPAGATION_DELAY_MS = 1_000;

/** @param lastLife what the store has of an earlier daemon of this node, and peers send to */
export function startHistory<B>(lastLife: Advertisement<B> | null): AdvertisementHistory<B> {
  return { newestFirst: lastLife === null ? [] : [lastLife], inForce: null, coming: null };
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
 * The advertisement that the store hands out. A snapshot with none of ours is older than the first lease of this process:
 * that lease is in force then, and no later one before a snapshot has it.
 * @param own what the snapshot has under this node's key; null when nothing
 */
export function handedOut<B>(
  history: AdvertisementHistory<B>,
  own: LeaseContent | null,
): Advertisement<B> | null {
  const isIt = ({ content }: Advertisement<B>) => own !== null && isSameContent(content, own);
  const { newestFirst, coming, inForce } = history;
  return newestFirst.find(isIt) ?? coming?.advertisement ?? inForce ?? newestOf(history);
}

/** Puts into force what was handed out for the propagation delay; the very first at once, as nobody has to turn. */
export function propagate<B>(
  history: AdvertisementHistory<B>,
  handed: Advertisement<B> | null,
  nowMs: number,
): AdvertisementHistory<B> {
  if (handed === null) return history;
  const { inForce, coming } = history;
  if (inForce === null || handed === inForce) {
    return inForce === handed && coming === null ? history : { ...history, inForce: handed, coming: null };
  }
  if (handed !== coming?.advertisement) {
    return { ...history, coming: { advertisement: handed, fromMs: nowMs + PROPAGATION_DELAY_MS } };
  }
  return nowMs < coming.fromMs ? history : { ...history, inForce: handed, coming: null };
}

/** Whether peers may know this backend from a lease of this node. */
export function isNamed<B>({ newestFirst, inForce, coming }: AdvertisementHistory<B>, backend: B): boolean {
  return [newestFirst[0], inForce, coming?.advertisement].some(
    (advertisement) => advertisement?.backends.includes(backend) === true,
  );
}
