/**
 * The effectors of all backends. They are independent: one that is slow, fails or ends affects only its own channels
 * and its own readiness condition, and no other backend.
 */
import type { EffectFault, Effector, EffectorSurroundings } from "../../backends/effector.ts";
import type { KernelState } from "../kernel/state.ts";
import { Backoff } from "../runtime/backoff.ts";
import { messageOf } from "../runtime/error.ts";
import type { JsonObject } from "../runtime/json.ts";
import { settlesWithin } from "../runtime/timer.ts";

/** An effect from a network plan. */
export interface PlannedEffect {
  /** Type of the backend. */
  readonly type: string;
  readonly channel: string;
  readonly effect: unknown;
}

/** The part of `Readiness` that takes conditions by name. */
export interface ConditionReport {
  report(condition: string, reason: string | null): void;
}

const RESTART = { firstMs: 1000, maxMs: 60_000 };
/** The daemon ends without an effector that has not ended this long after the signal. */
const STOP_MS = 5_000;

export class Effectors {
  readonly #effectors: readonly Effector[];
  readonly #surroundings: EffectorSurroundings;
  readonly #listeners = new Set<() => void>();
  /** Why an effector has failed, until it runs again. */
  readonly #failures = new Map<Effector, string>();
  #desired: ReadonlyMap<Effector, ReadonlyMap<string, unknown>> = new Map();
  #running: Promise<never> | null = null;

  /** @param effectors at most one for a type of backend */
  constructor(effectors: readonly Effector[], surroundings: EffectorSurroundings) {
    this.#effectors = effectors;
    this.#surroundings = surroundings;
    for (const effector of effectors) effector.onChange(() => this.#notify());
  }

  /** Resumes the work of the last process; see {@link Effector.resume}. */
  async resume(applyOnce: (state: KernelState) => Promise<void>): Promise<void> {
    await Promise.all(this.#effectors.map((each) => each.resume?.(applyOnce)));
  }

  /** Replaces the whole desired state. Of two effects for one channel the first is used. */
  setDesired(effects: readonly PlannedEffect[]): void {
    const desired = new Map<Effector, Map<string, unknown>>();
    for (const effector of this.#effectors) desired.set(effector, new Map());
    for (const { type, channel, effect } of effects) {
      const effector = this.#effectorOf(type);
      const channels = effector === undefined ? undefined : desired.get(effector);
      if (channels !== undefined && !channels.has(channel)) channels.set(channel, effect);
    }
    this.#desired = desired;
    for (const [effector, channels] of desired) effector.setDesired(channels);
  }

  /** Why the effect of this channel is not in force as desired; null when it is. */
  missing(type: string, channel: string): string | null {
    const effector = this.#effectorOf(type);
    if (effector === undefined) return `no effector for backend ${type}`;
    if (!this.#desired.get(effector)?.has(channel)) return `${channel} is not planned yet`;
    const isBlocking = (fault: EffectFault) => fault.channel === null || fault.channel === channel;
    const reason = this.#failures.get(effector) ?? effector.faults().find(isBlocking)?.reason;
    return reason ?? (effector.isApplied(channel) ? null : effector.pending);
  }

  onChange(listener: () => void): void {
    this.#listeners.add(listener);
  }

  report(readiness: ConditionReport): void {
    for (const effector of this.#effectors) readiness.report(effector.condition, this.#unready(effector));
  }

  /** Why each condition does not hold at the start. */
  get notReadyYet(): Readonly<Record<string, string>> {
    return Object.fromEntries(this.#effectors.map(({ condition, pending }) => [condition, pending]));
  }

  /** By type of backend. */
  status(): Readonly<Record<string, JsonObject | null>> {
    return Object.fromEntries(this.#effectors.map((each) => [each.type, each.status()]));
  }

  /** Works until the signal aborts, then rejects with its reason. A second call joins the first. */
  run(signal: AbortSignal): Promise<never> {
    this.#running ??= this.#runAll(signal);
    return this.#running;
  }

  async #runAll(signal: AbortSignal): Promise<never> {
    const running = this.#effectors.map((effector) => {
      const ended = this.#supervise(effector, signal).catch(() => undefined);
      return { effector, ended };
    });
    if (!signal.aborted)
      await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
    // Each effector closes its resources before this returns.
    await Promise.all(running.map(({ effector, ended }) => this.#endOf(effector, ended)));
    throw signal.reason;
  }

  async #endOf(effector: Effector, ended: Promise<void>): Promise<void> {
    const { clock, log } = this.#surroundings;
    if (await settlesWithin(clock, STOP_MS, ended)) return;
    const reason = `it has not ended ${STOP_MS / 1000} s after the signal`;
    log.error({ op: "stop-effector", backend: effector.type, reason }, "effector left behind");
  }

  /** A failed effect does not end an effector: an effector ends by a bug of ours, which affects only this one. */
  async #supervise(effector: Effector, signal: AbortSignal): Promise<void> {
    const { clock, log, random } = this.#surroundings;
    const backoff = new Backoff({ ...RESTART, random });
    while (!signal.aborted) {
      const startedMs = clock.nowMs();
      const error = await failureOf(effector, signal);
      if (signal.aborted) return;
      const reason = messageOf(error);
      log.error(
        { op: "run-effector", backend: effector.type, reason, err: error },
        "effector failed, restarting it",
      );
      this.#failures.set(effector, `the effector failed: ${reason}`);
      this.#notify();
      if (clock.nowMs() - startedMs > RESTART.maxMs) backoff.reset();
      await clock.sleep(backoff.nextMs(), signal);
      this.#failures.delete(effector);
      this.#notify();
    }
  }

  #effectorOf(type: string): Effector | undefined {
    return this.#effectors.find((each) => each.type === type);
  }

  #unready(effector: Effector): string | null {
    const failure = this.#failures.get(effector) ?? effector.faults()[0]?.reason;
    if (failure !== undefined) return failure;
    const channels = [...(this.#desired.get(effector)?.keys() ?? [])];
    return channels.every((channel) => effector.isApplied(channel)) ? null : effector.pending;
  }

  #notify(): void {
    for (const listener of this.#listeners) listener();
  }
}

/** It also fails by ending without an error. */
async function failureOf(effector: Effector, signal: AbortSignal): Promise<unknown> {
  try {
    const run: Promise<unknown> = effector.run(signal);
    await run;
    return new Error("it ended by itself");
  } catch (error) {
    return error;
  }
}
