import type { Log } from "../runtime/log.ts";
import type { NetworkPlan } from "./network-plan.ts";

interface Refusal {
  readonly peer: string;
  readonly code: string;
  readonly reason: string;
}

/** Says once of each lease why it is not used, and once when that has passed. */
export class RejectionLog {
  readonly #log: Log;
  #known: ReadonlyMap<string, Refusal> = new Map();

  constructor(log: Log) {
    this.#log = log;
  }

  report(plan: Pick<NetworkPlan, "rejections" | "foreign">): void {
    const present = new Map<string, Refusal>();
    for (const { key, family, code, reason } of plan.rejections) {
      present.set(`${key} ${family} ${code}`, { peer: key, code, reason });
    }
    for (const { key, type } of plan.foreign) {
      const reason = `it speaks backend ${JSON.stringify(type)}, which this node does not run`;
      present.set(key, { peer: key, code: "foreign-backend", reason });
    }
    for (const [place, { peer, code, reason }] of present) {
      if (this.#known.get(place)?.reason === reason) continue;
      this.#log.warn({ op: "accept-lease", peer, code, reason }, "lease refused");
    }
    for (const [place, { peer, code }] of this.#known) {
      if (present.has(place)) continue;
      this.#log.info({ op: "accept-lease", peer, code }, "lease no longer refused");
    }
    this.#known = present;
  }
}
