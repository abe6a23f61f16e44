import type { Log } from "../../runtime/log.ts";
import type { UnreachedPeer } from "../network-plan.ts";

/** Lines for one change of the routes; one more line counts all others. */
const MAX_LINES = 16;

/** Logs once for each peer that a foreign route or rule diverts its packets, and once when that has ended. */
export class ObstructionLog {
  readonly #log: Log;
  #known: ReadonlyMap<string, UnreachedPeer> = new Map();

  constructor(log: Log) {
    this.#log = log;
  }

  report(obstructed: readonly UnreachedPeer[]): void {
    if (obstructed.length === 0 && this.#known.size === 0) return;
    const present = new Map(obstructed.map((each) => [`${each.peer} ${each.family}`, each]));
    const changed = [...present].filter(([key, { reason }]) => this.#known.get(key)?.reason !== reason);
    for (const [, { peer, code, reason }] of changed.slice(0, MAX_LINES)) {
      this.#log.warn({ op: "find-routes", peer, code, reason }, "peer diverted by a foreign route or rule");
    }
    const ended = [...this.#known].filter(([key]) => !present.has(key));
    for (const [, { peer, code }] of ended.slice(0, MAX_LINES)) {
      this.#log.info({ op: "find-routes", peer, code }, "peer no longer diverted");
    }
    const unlogged = Math.max(0, changed.length - MAX_LINES) + Math.max(0, ended.length - MAX_LINES);
    if (unlogged > 0)
      this.#log.warn({ op: "find-routes", count: unlogged }, "more peers diverted, or no longer diverted");
    this.#known = present;
  }
}
