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
  /** The request in flight that tests whether the outage is over. */
  probe: { readonly done: Promise<void> } | null;
}

/**
 * The circuit breaker that all requests of a daemon share. During an outage it sends one request at a time, at most one
 * in 10 s on average and none sooner than the server asked for, and logs one line a minute.
 */
export class Outage {
  readonly health: StoreHealth;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #log: OutageLog;
  readonly #timing: OutageTiming;
  #state: State | null = null;
  /** When the last outage ended. */
  #endedAtMs = Number.NEGATIVE_INFINITY;

  constructor(clock: Clock, random: Random, log: Log, timing: OutageTiming) {
    this.health = new StoreHealth(clock);
    this.#clock = clock;
    this.#random = random;
    this.#log = new OutageLog(log, clock, "kubernetes");
    this.#timing = timing;
  }

  /** Sends as soon as that is allowed; an error's `isOutage` decides whether it begins or prolongs an outage. */
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

  /** To be called when the connection breaks within an answer. */
  broken(error: ApiError): void {
    this.#failed(error, false, this.#clock.nowMs());
  }

  /** Waits for permission to send. @returns a function that ends the probe, or null without an outage */
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
    // Requests that were in flight together fail together, and count as one failure.
    if (isNew || isProbe) {
      const retryAtMs = this.#retryAtMs(error, isNew, sentMs);
      state.openAtMs = Math.max(retryAtMs, nowMs + (error.retryAfterMs ?? 0));
    }
    this.#log.failed(error);
    const why = error.message.replace(`${error.operation}: `, "");
    this.health.failed(error.isAnswer ? why : `the API server does not answer: ${plainReason(why)}`);
  }

  /**
   * Retries soon after a broken connection, as most recover at once, unless the last outage has just ended; not soon
   * after a refusal by the server. The first wait is random, so that the daemons in an outage do not return together.
   */
  #retryAtMs(error: ApiError, isFirst: boolean, sentMs: number): number {
    const { firstRetryMs, retryIntervalMs } = this.#timing;
    const jitterMs = isFirst ? this.#random.below(firstRetryMs) : 0;
    if (isFirst && !error.isAnswer) {
      return Math.max(this.#clock.nowMs() + firstRetryMs / 2 + jitterMs, this.#endedAtMs + retryIntervalMs);
    }
    // Counts from the time of sending, as the failure may have taken long.
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
