import {
  ENFORCED_SECONDS,
  RELEASED_SECONDS,
  RENEWAL_MS,
} from "../../kernel/firewall/nftables/enforcement-set.ts";
import type { Clock } from "../../runtime/clock.ts";
import { messageOf } from "../../runtime/error.ts";
import type { Log } from "../../runtime/log.ts";
import { withDeadline } from "../../runtime/timer.ts";
import type { PartFailures } from "./part-failures.ts";
import { PACKET_FILTER_PART, type Parts } from "./parts.ts";

const RENEWAL_RETRY_MS = 5000;
/** Longest time that a stop waits for the release. */
const RELEASE_TIMEOUT_MS = 3000;
const NEVER = Number.POSITIVE_INFINITY;

export interface FilterRenewalOptions {
  readonly parts: Parts;
  readonly failures: PartFailures;
  readonly clock: Clock;
  readonly log: Log;
  /** True when the packet filter is desired, and no failure of it is known. */
  hasFilter(): boolean;
}

/** Renews the packet filter, which otherwise opens, while the daemon runs, and at the end lets it open soon. */
export class FilterRenewal {
  readonly #options: FilterRenewalOptions;
  #dueAtMs = NEVER;

  constructor(options: FilterRenewalOptions) {
    this.#options = options;
  }

  /** Monotonic time; infinity while there is no filter. */
  get dueAtMs(): number {
    return this.#dueAtMs;
  }

  async renewIfDue(signal: AbortSignal): Promise<void> {
    const { parts, failures, clock, hasFilter } = this.#options;
    const nowMs = clock.nowMs();
    if (!hasFilter()) this.#dueAtMs = NEVER;
    else if (this.#dueAtMs === NEVER) this.#dueAtMs = nowMs + RENEWAL_MS;
    else if (this.#dueAtMs <= nowMs) {
      this.#dueAtMs = nowMs + RENEWAL_MS;
      try {
        await parts.renewFilter(ENFORCED_SECONDS, signal);
      } catch (error) {
        signal.throwIfAborted();
        // The table may be gone, so it is written whole.
        parts.invalidate();
        this.#dueAtMs = nowMs + RENEWAL_RETRY_MS;
        failures.record(PACKET_FILTER_PART, error);
      }
    }
  }

  /** A failure is logged; the filter then opens later. */
  async release(): Promise<void> {
    const { parts, clock, log, hasFilter } = this.#options;
    if (!hasFilter()) return;
    try {
      await withDeadline(clock, RELEASE_TIMEOUT_MS, (late) => parts.renewFilter(RELEASED_SECONDS, late));
    } catch (error) {
      log.warn(
        { op: "release-firewall", reason: messageOf(error) },
        "packet filter not released, it opens later",
      );
    }
  }
}
