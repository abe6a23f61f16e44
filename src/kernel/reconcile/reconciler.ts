/**
 * Makes the kernel agree with the desired state, continuously. Start, restart, repair, removal of stale objects and
 * change of backend are all the same: compare, and apply the differences.
 */

import { Alarm } from "../../runtime/alarm.ts";
import { Backoff } from "../../runtime/backoff.ts";
import type { Clock } from "../../runtime/clock.ts";
import { TweedError } from "../../runtime/error.ts";
import type { Log } from "../../runtime/log.ts";
import type { Random } from "../../runtime/random.ts";
import type { Kernel, KernelChange } from "../kernel.ts";
import { missingDevice } from "../objects/link.ts";
import { describeOperation } from "../objects/operation-kinds.ts";
import type { ObservedRoute, ObservedState } from "../observed.ts";
import type { Operation } from "../operation.ts";
import type { KernelState } from "../state.ts";
import { CacheSync } from "./cache-sync.ts";
import { ChangeFilter } from "./change-filter.ts";
import { type DesiredIndex, indexDesired } from "./desired-index.ts";
import { DiversionSchedule } from "./diversion-schedule.ts";
import { Failures } from "./failures.ts";
import { firstMissing } from "./first-missing.ts";
import { ObjectKeys } from "./object-keys.ts";
import type { Ownership } from "./ownership.ts";
import { Pace } from "./pace.ts";
import { type PassResult, runPass } from "./pass.ts";
import type { Comparison } from "./stage.ts";
import { MAX_BLOCKED, type ReconcileStatus } from "./status.ts";
import { unnamedObjects } from "./unnamed-objects.ts";

export interface ReconcilerOptions {
  readonly kernel: Kernel;
  readonly ownership: Ownership;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** Interval of full dumps, which find changes without a notification. */
  readonly resyncMs?: number;
}

/** Batch delay: notifications arrive in bursts, about five for a new device. */
const GATHER_MS = 10;
/** For a state that does not converge although nothing failed and no notification arrives. */
const RECHECK_MS = 1000;
const CONTEST_LOG_MS = 60_000;
/** Ping interval while idle, since readiness requires that the kernel answers. */
const PING_EVERY_MS = 5000;
/** Passes that a new state normally takes: one to build, one to check. */
const ORDINARY_PASSES = 2;

export class Reconciler {
  readonly #kernel: Kernel;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #resyncMs: number;
  readonly #filter: ChangeFilter;
  readonly #sync: CacheSync;
  readonly #failures: Failures;
  readonly #pace: Pace;
  /** Limits iterations by notifications, also those that find nothing: foreign routes may change all day. */
  readonly #iterationPace: Pace;
  readonly #diversions: DiversionSchedule;
  readonly #keys = new ObjectKeys();
  readonly #alarm: Alarm;
  readonly #backoff: Backoff;
  readonly #fixedLocal = new Set<string>();
  readonly #established = new Set<string>();
  readonly #passListeners = new Set<(status: ReconcileStatus) => void>();
  readonly #unreadableListeners = new Set<(error: TweedError) => void>();
  readonly #underlayListeners = new Set<(observed: ObservedState) => void>();
  readonly #operations: Partial<Record<Operation["op"], number>> = {};

  #ownership: Ownership;
  /** null until a state is desired; before that nothing is changed. */
  #desired: DesiredIndex | null = null;
  #passes = 0;
  #converged = false;
  #blocked: readonly string[] = [];
  #foreign: readonly ObservedRoute[] = [];
  #unnamed: readonly string[] = [];
  #isUrgent = false;
  #changedAtMs: number | null = null;
  /** Something changed that may require a pass; a change of the underlay alone requires none. */
  #haveOursChanged = false;
  #hasUnderlayChanged = false;
  #resyncAtMs: number;
  #recheckAtMs = Number.POSITIVE_INFINITY;
  #lastResyncMs: number | null = null;
  #contestLoggedMs = Number.NEGATIVE_INFINITY;

  constructor(options: ReconcilerOptions) {
    const { kernel, clock, random, log, ownership, resyncMs = 30_000 } = options;
    this.#kernel = kernel;
    this.#clock = clock;
    this.#log = log;
    this.#resyncMs = resyncMs;
    this.#ownership = ownership;
    this.#filter = new ChangeFilter(ownership);
    this.#sync = new CacheSync(this.#filter);
    this.#failures = new Failures({ clock, random, log });
    this.#pace = new Pace({ clock, gatherMs: GATHER_MS });
    this.#iterationPace = new Pace({ clock, gatherMs: GATHER_MS });
    this.#diversions = new DiversionSchedule({ clock, gatherMs: GATHER_MS });
    this.#alarm = new Alarm(clock);
    this.#backoff = new Backoff({ firstMs: 100, maxMs: 10_000, random });
    this.#resyncAtMs = clock.nowMs();
  }

  /** Sets the desired state; the last call wins. */
  setDesired(state: KernelState, ownership: Ownership = this.#ownership): void {
    this.#ownership = ownership;
    const desired = indexDesired(state, this.#keys);
    this.#desired = desired;
    if (this.#filter.follow(desired, ownership)) this.#sync.invalidate();
    this.#passes = 0;
    this.#converged = false;
    this.#isUrgent = true;
    this.#alarm.ring();
  }

  status(): ReconcileStatus {
    return {
      converged: this.#converged,
      failures: this.#failures.list(),
      blocked: this.#blocked,
      foreign: this.#foreign,
      rules: this.#sync.cache.rules,
      unnamed: this.#unnamed,
      passes: this.#passes,
      operations: { ...this.#operations },
      lastResyncMs: this.#lastResyncMs,
    };
  }

  /** The kernel as last known; empty before {@link run} has dumped it. */
  observed(): ObservedState {
    return this.#sync.cache.toObserved();
  }

  /** Whether this device is desired, compatible and up, so that it receives packets. */
  isDeviceReady(name: string): boolean {
    if (this.#desired === null || !this.#desired.links.has(name)) return false;
    const comparison = this.#comparison(this.#desired);
    return comparison.cache.links.get(name)?.isUp === true && missingDevice(comparison, name) === null;
  }

  /** What this part of the desired state lacks, as text; null when it is in place. Sysctls and MTUs are ignored. */
  missing(part: KernelState): string | null {
    return firstMissing(this.#comparison(indexDesired(part)));
  }

  /** Calls back after every pass. @returns a function that unsubscribes */
  onPass(listener: (status: ReconcileStatus) => void): () => void {
    this.#passListeners.add(listener);
    return () => this.#passListeners.delete(listener);
  }

  /** Calls back when the kernel could not be read or changed at all; the next pass shows that it can be again. */
  onUnreadable(listener: (error: TweedError) => void): () => void {
    this.#unreadableListeners.add(listener);
    return () => this.#unreadableListeners.delete(listener);
  }

  /** Calls back when links, addresses or routes that are not ours changed, and after every full dump. */
  onUnderlayChange(listener: (observed: ObservedState) => void): () => void {
    this.#underlayListeners.add(listener);
    return () => this.#underlayListeners.delete(listener);
  }

  /** Resolves when the kernel agrees with the then desired state. */
  async waitUntilConverged(signal: AbortSignal): Promise<void> {
    while (!this.#converged) {
      signal.throwIfAborted();
      await new Promise<void>((resolve) => {
        const done = () => {
          unsubscribe();
          signal.removeEventListener("abort", done);
          resolve();
        };
        const unsubscribe = this.onPass(done);
        signal.addEventListener("abort", done, { once: true });
      });
    }
  }

  /**
   * Reconciles until the signal aborts, then rejects with its reason; the kernel state remains. Also rejects when it
   * cannot subscribe to notifications.
   */
  async run(signal: AbortSignal): Promise<never> {
    await this.#kernel.subscribe((change) => this.#onChange(change), signal);
    let pingAtMs = this.#clock.nowMs() + PING_EVERY_MS;
    for (;;) {
      signal.throwIfAborted();
      const waitMs = Math.min(this.#dueMs(), pingAtMs) - this.#clock.nowMs();
      if (waitMs > 0) await this.#alarm.sleep(waitMs, signal);
      const dueMs = this.#dueMs();
      // Read after it, as an urgent pass is due at the time of the question.
      const nowMs = this.#clock.nowMs();
      const isPassDue = dueMs <= nowMs;
      // Woken before the due time, while notifications are batched.
      if (!isPassDue && nowMs < pingAtMs) continue;
      try {
        // Also between passes: one that finds nothing to do sends the kernel nothing.
        if (nowMs >= pingAtMs) {
          await this.#kernel.ping();
          pingAtMs = this.#clock.nowMs() + PING_EVERY_MS;
        }
        if (isPassDue) {
          // Sockets and timers get their turn between a plan of thousands of objects and the comparison with the kernel.
          await this.#clock.turn();
          signal.throwIfAborted();
          await this.#iterate();
        }
        this.#backoff.reset();
      } catch (error) {
        signal.throwIfAborted();
        await this.#recover(error, signal);
      }
    }
  }

  #comparison(desired: DesiredIndex): Comparison {
    return {
      desired,
      cache: this.#sync.cache,
      ownership: this.#ownership,
      fixedLocal: this.#fixedLocal,
    };
  }

  #dueMs(): number {
    if (this.#isUrgent) return this.#clock.nowMs();
    const gatherMs = Math.max(this.#pace.waitMs, this.#iterationPace.waitMs);
    const changedMs = this.#changedAtMs === null ? Number.POSITIVE_INFINITY : this.#changedAtMs + gatherMs;
    const otherwiseMs = Math.min(this.#failures.nextDueMs(), this.#resyncAtMs, this.#recheckAtMs);
    return Math.min(changedMs, this.#diversions.dueMs, otherwiseMs);
  }

  #onChange(change: KernelChange): void {
    // Checked before the cache is updated, which removes a deleted device's addresses.
    const isUnderlay = this.#filter.isUnderlay(change, (iface) => this.#sync.cache.hasAddress(iface));
    const frees = this.#freesDestination(change);
    if (!this.#sync.apply(change)) return;
    if (frees) this.#sync.expire();
    const isOurs = frees || this.#filter.concerns(change);
    if (isUnderlay) this.#hasUnderlayChanged = true;
    if (isOurs) this.#haveOursChanged = true;
    // Operations that failed for lack of a device, or of a route to a gateway, may succeed now.
    if (isOurs && (change.kind === "link" || change.kind === "address")) this.#failures.retryNow();
    if (isOurs || isUnderlay) this.#wakeSoon();
    if (!isOurs && this.#filter.mayDivert(change) && this.#diversions.changed()) this.#alarm.ring();
  }

  /** With a foreign device its routes go, of which the kernel tells nobody; one may have been in the way of ours. */
  #freesDestination(change: KernelChange): boolean {
    if (change.kind !== "link" || (change.link.isUp && !change.gone)) return false;
    for (const route of this.#sync.cache.routes.values()) {
      if (route.iface !== change.link.name) continue;
      const gone = { kind: "route", gone: true, route } as const;
      if (this.#filter.concerns(gone) || this.#filter.mayDivert(gone)) return true;
    }
    return false;
  }

  #wakeSoon(): void {
    if (this.#changedAtMs !== null) return;
    this.#changedAtMs = this.#clock.nowMs();
    this.#alarm.ring();
  }

  async #iterate(): Promise<void> {
    const isPassDue = this.#isPassDue();
    if (this.#changedAtMs !== null && !this.#isUrgent) this.#iterationPace.slowDown();
    this.#changedAtMs = null;
    const wasStale = this.#sync.isStale;
    if (wasStale || this.#clock.nowMs() >= this.#resyncAtMs) await this.#resync();
    if (this.#hasUnderlayChanged) {
      this.#hasUnderlayChanged = false;
      const observed = this.observed();
      for (const listener of this.#underlayListeners) listener(observed);
    }
    if (!isPassDue) return;
    await this.#diversions.readIfDue(() => this.#readRules());
    this.#isUrgent = false;
    this.#haveOursChanged = false;
    this.#recheckAtMs = Number.POSITIVE_INFINITY;
    const desired = this.#desired;
    if (desired === null) return;
    for (const key of this.#established) if (!desired.routes.has(key)) this.#established.delete(key);
    const result = await runPass({
      kernel: this.#kernel,
      sync: this.#sync,
      failures: this.#failures,
      desired,
      ownership: this.#ownership,
      fixedLocal: this.#fixedLocal,
      established: this.#established,
      isCurrent: () => this.#desired === desired,
    });
    this.#conclude(result, desired, wasStale);
  }

  /** False when only the underlay's listeners need a call, since a pass compares every peer. */
  #isPassDue(): boolean {
    const nowMs = this.#clock.nowMs();
    return (
      this.#isUrgent ||
      this.#haveOursChanged ||
      this.#sync.isStale ||
      nowMs >= this.#diversions.dueMs ||
      nowMs >= Math.min(this.#resyncAtMs, this.#recheckAtMs, this.#failures.nextDueMs())
    );
  }

  /**
   * Notifications describe routes completely, but those of rules include neither the table's routes nor the rules
   * before.
   */
  async #readRules(): Promise<void> {
    if (this.#sync.areRulesStale) await this.#sync.refreshRules(() => this.#kernel.observeRules());
  }

  async #resync(): Promise<void> {
    // Dumps do not include sysctls, so they are written again.
    if (!this.#sync.isStale) this.#sync.cache.sysctls.clear();
    this.#resyncAtMs = this.#clock.nowMs() + this.#resyncMs;
    await this.#sync.refresh(() => this.#kernel.observe());
    this.#lastResyncMs = this.#clock.nowMs();
    this.#hasUnderlayChanged = true;
  }

  #conclude(
    { done, blocked, foreign, isComplete }: PassResult,
    desired: DesiredIndex,
    wasStale: boolean,
  ): void {
    for (const { op } of done) this.#operations[op] = (this.#operations[op] ?? 0) + 1;
    if (!isComplete) return;
    const repairs = done.filter(({ op }) => op !== "write-sysctl");
    this.#reportRepairs(repairs, wasStale);
    this.#passes += 1;
    this.#blocked = blocked.slice(0, MAX_BLOCKED);
    this.#foreign = foreign;
    this.#converged =
      blocked.length === 0 &&
      !this.#sync.isStale &&
      this.#failures.list().every(({ op }) => op === "write-sysctl");
    if (this.#sync.isStale) this.#wakeSoon();
    else if (!this.#converged) this.#recheckAtMs = this.#clock.nowMs() + RECHECK_MS;
    // Otherwise they wait for another object, for a retry, or for the pass that a notification has just requested.
    const isSettled = this.#converged && this.#failures.list().length === 0 && !this.#haveOursChanged;
    this.#unnamed = isSettled ? unnamedObjects(this.#comparison(desired)) : [];
    const status = this.status();
    for (const listener of this.#passListeners) listener(status);
  }

  #reportRepairs(repairs: readonly Operation[], wasStale: boolean): void {
    if (this.#passes >= ORDINARY_PASSES && (wasStale || repairs.length > 0)) this.#pace.slowDown();
    const [first] = repairs;
    if (first === undefined) return;
    const fields = { op: describeOperation(first), count: repairs.length };
    if (!this.#pace.isContested) {
      if (this.#converged) this.#log.info(fields, "kernel state repaired");
    } else if (this.#clock.nowMs() - this.#contestLoggedMs >= CONTEST_LOG_MS) {
      this.#contestLoggedMs = this.#clock.nowMs();
      this.#log.warn(fields, "another program keeps changing kernel state of ours");
    }
  }

  /** The kernel did not answer at all, so the cache is invalid. */
  async #recover(error: unknown, signal: AbortSignal): Promise<void> {
    if (!(error instanceof TweedError)) throw error;
    this.#sync.invalidate();
    this.#converged = false;
    this.#isUrgent = true;
    const fields = { code: error.code, reason: error.message, attempt: this.#backoff.attempt + 1 };
    if (this.#backoff.attempt === 0) this.#log.warn(fields, "kernel cannot be read or changed, will retry");
    else this.#log.debug(fields, "kernel still cannot be read or changed");
    for (const listener of this.#unreadableListeners) listener(error);
    await this.#clock.sleep(this.#backoff.nextMs(), signal);
  }
}
