import type { Rejection } from "../lease/claims.ts";
import type { Log } from "../runtime/log.ts";
import type { NetworkPlan } from "./network-plan.ts";

/** Says once of each lease why it is not used, and once when that has passed. */
export class RejectionLog {
  readonly #log: Log;
  #known: ReadonlyMap<string, string> = new Map();

  constructor(log: Log) {
    this.#log = log;
  }

  report(plan: Pick<NetworkPlan, "rejections" | "foreign">): void {
    const present = new Map<string, string>();
    for (const rejection of plan.rejections) present.set(placeOf(rejection), rejection.reason);
    for (const { key, type } of plan.foreign) {
      present.set(key, `it speaks backend ${JSON.stringify(type)}, which this node does not run`);
    }
    for (const [place, reason] of present) {
      if (this.#known.get(place) !== reason) {
        this.#log.warn({ op: "accept-lease", peer: place, reason }, "lease refused");
      }
    }
    for (const place of this.#known.keys()) {
      if (!present.has(place)) this.#log.info({ op: "accept-lease", peer: place }, "lease no longer refused");
    }
    this.#known = present;
  }
}

function placeOf(rejection: Rejection): string {
  return `${rejection.key} ${rejection.family} ${rejection.code}`;
}
