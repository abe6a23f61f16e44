import { KEPT_SECONDS, RELEASED_SECONDS, RENEWAL_MS } from "../../kernel/firewall/nftables/kept-set.ts";
import type { Clock } from "../../runtime/clock.ts";
import { messageOf } from "../../runtime/error.ts";
import type { Log } from "../../runtime/log.ts";
import { withDeadline } from "../../runtime/timer.ts";
import { PACKET_FILTER_PART, type Parts } from "./parts.ts";
import type { Troubles } from "./troubles.ts";

const RENEWAL_RETRY_MS = 5000;
/** A stop waits no longer than this. */
const RELEASE_TIMEOUT_MS = 3000;
const NEVER = Number.POSITIVE_INFINITY;

export interface FilterRenewalOptions {
  readonly parts: Parts;
  readonly troubles: Troubles;
  readonly clock: Clock;
  readonly log: Log;
  /** Whether the packet filter is wanted, and stands for all that is known. */
  hasFilter(): boolean;
}

/** Renews the packet filter, which opens by itself, while the daemon runs, and at its end lets it open soon. */
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
    const { parts, troubles, clock, hasFilter } = this.#options;
    const nowMs = clock.nowMs();
    if (!hasFilter()) this.#dueAtMs = NEVER;
    else if (this.#dueAtMs === NEVER) this.#dueAtMs = nowMs + RENEWAL_MS;
    else if (this.#dueAtMs <= nowMs) {
      this.#dueAtMs = nowMs + RENEWAL_MS;
      try {
        await parts.keepFilter(KEPT_SECONDS, signal);
      } catch (error) {
        signal.throwIfAborted();
        // Somebody may have removed it: then it is written whole.
        parts.lose();
        this.#dueAtMs = nowMs + RENEWAL_RETRY_MS;
        troubles.record(PACKET_FILTER_PART, error);
      }
    }
  }

  /** Does what it can; without it the filter opens a little later. */
  async release(): Promise<void> {
    const { parts, clock, log, hasFilter } = this.#options;
    if (!hasFilter()) return;
    try {
      await withDeadline(clock, RELEASE_TIMEOUT_MS, (late) => parts.keepFilter(RELEASED_SECONDS, late));
    } catch (error) {
      log.warn({ op: "release-firewall", reason: messageOf(error) }, "the packet filter opens later");
    }
  }
}
