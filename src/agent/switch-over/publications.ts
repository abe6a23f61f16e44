/**
 * What this node has said of itself, and which of it is in force for its own paths. Peers turn when they are told;
 * whoever has changed turns last, when everybody has been told. In between this node takes packets both ways, which a
 * peer that has not been told yet would not: strict reverse-path filters drop what comes another way.
 */

import { isSameContent, type LeaseContent, type LeaseSnapshot } from "../../lease/lease.ts";
import type { ActiveBackend } from "./active-backend.ts";

export interface Publication {
  readonly content: LeaseContent;
  readonly backends: readonly ActiveBackend[];
}

/** More than are ever under way: each is written after the one before it was acknowledged. */
const MAX_REMEMBERED = 8;
/** Far more than a store takes to tell everybody, and a host that is busy for a moment to turn its paths. */
const TELLING_MS = 1_000;

export interface InForce {
  /** null before anything was published. */
  readonly publication: Publication | null;
  /** When another comes into force, in monotonic time; null when none is on its way. */
  readonly untilMs: number | null;
}

export class Publications {
  #newestFirst: readonly Publication[] = [];
  #inForce: Publication | null = null;
  #next: { readonly publication: Publication; readonly fromMs: number } | null = null;

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
   * Which is in force: the one that the snapshot has held for long enough, and until then the one before.
   * @param nowMs monotonic
   */
  inForce(snapshot: LeaseSnapshot, ownKey: string, nowMs: number): InForce {
    const held = this.#heldBy(snapshot, ownKey);
    if (held === null) return { publication: null, untilMs: null };
    if (this.#inForce === null) this.#inForce = held;
    if (held === this.#inForce) this.#next = null;
    else if (held !== this.#next?.publication) this.#next = { publication: held, fromMs: nowMs + TELLING_MS };
    if (this.#next !== null && nowMs >= this.#next.fromMs) {
      this.#inForce = this.#next.publication;
      this.#next = null;
    }
    return { publication: this.#inForce, untilMs: this.#next?.fromMs ?? null };
  }

  /**
   * The one that the snapshot holds. Where it holds none of them, as after a restart, the newest: the snapshot is
   * then older than this process's first word.
   */
  #heldBy(snapshot: LeaseSnapshot, ownKey: string): Publication | null {
    const own = snapshot.leases.find((lease) => lease.key === ownKey);
    if (own === undefined) return this.newest;
    return this.#newestFirst.find(({ content }) => isSameContent(content, own)) ?? this.newest;
  }
}
