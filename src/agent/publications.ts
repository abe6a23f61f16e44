/**
 * What this node has said of itself, and which of it everybody knows. Paths are chosen from what the store hands
 * out to all, this node's own lease included: both ends of a pair then turn on the same event, and not one of them
 * when it writes and the other when it hears of it. Strict reverse-path filters drop what is sent in between.
 */

import type { LeaseContent, LeaseSnapshot } from "../lease/lease.ts";
import { encodeLeaseValue } from "../lease/lease-value.ts";
import type { ActiveBackend } from "./active-backend.ts";

export interface Publication {
  readonly content: LeaseContent;
  readonly backends: readonly ActiveBackend[];
}

/** More than are ever under way: each is written after the one before it was acknowledged. */
const MAX_REMEMBERED = 8;

export class Publications {
  #newestFirst: readonly Publication[] = [];

  /** What the store has acknowledged last; peers may not have heard of it yet. */
  get newest(): Publication | null {
    return this.#newestFirst[0] ?? null;
  }

  add(publication: Publication): void {
    this.#newestFirst = [publication, ...this.#newestFirst].slice(0, MAX_REMEMBERED);
  }

  /**
   * What of `active` to publish: what peers know already, and what is received on by now. Of a channel whose options
   * have changed it is until then the one with the options that peers know. At the very first it is all, for nobody
   * sends to a node that has no lease.
   */
  next(
    active: readonly ActiveBackend[],
    isReceiving: (backend: ActiveBackend) => boolean,
  ): readonly ActiveBackend[] {
    const { newest } = this;
    if (newest === null) return active;
    const ready = active.flatMap((backend) => {
      if (newest.backends.includes(backend) || isReceiving(backend)) return backend;
      return newest.backends.find((each) => each.channel === backend.channel) ?? [];
    });
    return ready.length === 0 ? active : ready;
  }

  /**
   * The one that the snapshot holds. Where it holds none of them, as after a restart, the newest: the snapshot is
   * then older than this process's first word.
   */
  heldBy(snapshot: LeaseSnapshot, ownKey: string): Publication | null {
    const own = snapshot.leases.find((lease) => lease.key === ownKey);
    if (own === undefined) return this.newest;
    const text = encodeLeaseValue(own);
    return this.#newestFirst.find(({ content }) => encodeLeaseValue(content) === text) ?? this.newest;
  }
}
