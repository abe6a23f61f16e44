import { abortable } from "../../runtime/abortable.ts";
import type { Clock } from "../../runtime/clock.ts";
import type { Log } from "../../runtime/log.ts";
import type { Random } from "../../runtime/random.ts";
import { OutageLog } from "../outage-log.ts";
import { plainReason, StoreHealth } from "../store-health.ts";
import { ApiError } from "./api-error.ts";
import type { OutageTiming } from "./timing.ts";

interface State {
  openAtMs: number;
  /** The one request that finds out whether it is over, while it is under way. */
  probe: { readonly done: Promise<void> } | null;
}

/**
 * What all requests of a daemon know of an outage together: while there is one, one request at a time goes out,
 * at most one in 10 s on average and none sooner than the server asked for, and one line a minute says so.
 */
export class Outage {
  readonly health: StoreHealth;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #log: OutageLog;
  readonly #timing: OutageTiming;
  #state: State | null = null;
  /** When the last outage was over. */
  #endedAtMs = Number.NEGATIVE_INFINITY;

  constructor(clock: Clock, random: Random, log: Log, timing: OutageTiming) {
    this.health = new StoreHealth(clock);
    this.#clock = clock;
    this.#random = random;
    this.#log = new OutageLog(log, clock, "kubernetes");
    this.#timing = timing;
  }

  get isOn(): boolean {
    return this.#state !== null;
  }

  /** Sends when it may be sent; whether it fails in a way that means an outage is for the error to say. */
  async pass<T>(send: () => Promise<T>, signal: AbortSignal): Promise<T> {
    const endProbe = await this.#enter(signal);
    const sentMs = this.#clock.nowMs();
    try {
      const result = await send();
      this.#succeeded();
      return result;
    } catch (error) {
      if (!signal.aborted && error instanceof ApiError) {
        if (error.isOutage) this.#failed(error, endProbe !== null, sentMs);
        else this.#succeeded();
      }
      throw error;
    } finally {
      endProbe?.();
    }
  }

  /** An answer that had begun was cut off. */
  broken(error: ApiError): void {
    this.#failed(error, false, this.#clock.nowMs());
  }

  /** @returns what ends the probe, or null when there is no outage */
  async #enter(signal: AbortSignal): Promise<(() => void) | null> {
    for (;;) {
      signal.throwIfAborted();
      const state = this.#state;
      if (state === null) return null;
      const waitMs = state.openAtMs - this.#clock.nowMs();
      if (state.probe !== null) await abortable(state.probe.done, signal);
      else if (waitMs > 0) await this.#clock.sleep(waitMs, signal);
      else return beginProbe(state);
    }
  }

  #succeeded(): void {
    if (this.#state === null) return;
    this.#state = null;
    this.health.succeeded();
    this.#endedAtMs = this.#clock.nowMs();
    this.#log.succeeded();
  }

  #failed(error: ApiError, isProbe: boolean, sentMs: number): void {
    const nowMs = this.#clock.nowMs();
    const isNew = this.#state === null;
    this.#state ??= { openAtMs: nowMs, probe: null };
    const state = this.#state;
    // Requests that were under way together fail together, and are one failure.
    if (isNew || isProbe) {
      const retryAtMs = this.#retryAtMs(error, isNew, sentMs);
      state.openAtMs = Math.max(retryAtMs, nowMs + (error.retryAfterMs ?? 0));
    }
    this.#log.failed(error);
    const why = error.message.replace(`${error.operation}: `, "");
    this.health.failed(error.isAnswer ? why : `the API server does not answer: ${plainReason(why)}`);
  }

  /**
   * A connection that broke is tried again soon, for most are back at once, but not soon after another that broke; what
   * the server itself refused is not. Many daemons see the same outage, and the first wait is random so that they do not
   * come back together.
   */
  #retryAtMs(error: ApiError, isFirst: boolean, sentMs: number): number {
    const { firstRetryMs, retryIntervalMs } = this.#timing;
    const jitterMs = isFirst ? this.#random.below(firstRetryMs) : 0;
    if (isFirst && !error.isAnswer) {
      return Math.max(this.#clock.nowMs() + firstRetryMs / 2 + jitterMs, this.#endedAtMs + retryIntervalMs);
    }
    // From when it was sent, as it may have taken long to fail.
    return sentMs + retryIntervalMs + jitterMs;
  }
}

function beginProbe(state: State): () => void {
  let end = () => {};
  state.probe = {
    done: new Promise<void>((resolve) => {
      end = resolve;
    }),
  };
  return () => {
    state.probe = null;
    end();
  };
}
