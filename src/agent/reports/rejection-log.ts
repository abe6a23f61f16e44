import type { Log } from "../../runtime/log.ts";
import type { NetworkPlan, UnreachedPeer } from "../network-plan.ts";

/** Logs once for each lease why it is refused, and once when it is no longer refused. */
export class RejectionLog {
  readonly #log: Log;
  #known: ReadonlyMap<string, UnreachedPeer> = new Map();

  constructor(log: Log) {
    this.#log = log;
  }

  report({ unreached }: Pick<NetworkPlan, "unreached">): void {
    const present = new Map<string, UnreachedPeer>();
    for (const each of unreached) present.set(`${each.peer} ${each.family} ${each.code}`, each);
    for (const [key, { peer, code, reason }] of present) {
      if (this.#known.get(key)?.reason === reason) continue;
      this.#log.warn({ op: "accept-lease", peer, code, reason }, "lease refused");
    }
    for (const [key, { peer, code }] of this.#known) {
      if (present.has(key)) continue;
      this.#log.info({ op: "accept-lease", peer, code }, "lease no longer refused");
    }
    this.#known = present;
  }
}
