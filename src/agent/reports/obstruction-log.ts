import type { Log } from "../../runtime/log.ts";
import type { UnreachedPeer } from "../network-plan.ts";

/** Lines for one change of the routes: past this many there is one for all others. */
const MAX_LINES = 16;

/** Says once of each peer that a route or rule of others hides it, and once when that has passed. */
export class ObstructionLog {
  readonly #log: Log;
  #known: ReadonlyMap<string, UnreachedPeer> = new Map();

  constructor(log: Log) {
    this.#log = log;
  }

  report(obstructed: readonly UnreachedPeer[]): void {
    if (obstructed.length === 0 && this.#known.size === 0) return;
    const present = new Map(obstructed.map((each) => [`${each.peer} ${each.family}`, each]));
    const news = [...present].filter(([place, { reason }]) => this.#known.get(place)?.reason !== reason);
    for (const [, { peer, code, reason }] of news.slice(0, MAX_LINES)) {
      this.#log.warn({ op: "find-routes", peer, code, reason }, "peer hidden by a route or rule of others");
    }
    const passed = [...this.#known].filter(([place]) => !present.has(place));
    for (const [, { peer, code }] of passed.slice(0, MAX_LINES)) {
      this.#log.info({ op: "find-routes", peer, code }, "peer no longer hidden");
    }
    const unsaid = Math.max(0, news.length - MAX_LINES) + Math.max(0, passed.length - MAX_LINES);
    if (unsaid > 0)
      this.#log.warn({ op: "find-routes", count: unsaid }, "more peers hidden, or no longer hidden");
    this.#known = present;
  }
}
