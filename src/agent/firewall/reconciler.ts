/**
 * Makes the host's packet filters agree with the desired rules, through the programs that the host has. It repairs what
 * is missing, moved or doubled, and removes what another writer left; where nothing differs it does nothing.
 */
import type { HostPrograms } from "../../kernel/firewall/programs.ts";
import { NO_RULES, type RuleSet } from "../../kernel/firewall/rule-set.ts";
import { Pace } from "../../kernel/reconcile/pace.ts";
import { Alarm } from "../../runtime/alarm.ts";
import type { Clock } from "../../runtime/clock.ts";
import { messageOf } from "../../runtime/error.ts";
import type { Log } from "../../runtime/log.ts";
import { FilterRenewal } from "./filter-renewal.ts";
import type { PartFailures } from "./part-failures.ts";
import { PACKET_FILTER_PART, type Part, type Parts } from "./parts.ts";
import { RepairLog } from "./repair-log.ts";
import { Schedule } from "./schedule.ts";
import type { RuleStatus } from "./status.ts";
import { type Choice, chooseWriter, mainWriter } from "./writer-choice.ts";

export interface RuleReconcilerOptions {
  readonly parts: Parts;
  readonly failures: PartFailures;
  readonly clock: Clock;
  readonly log: Log;
  /** Between two comparisons without any event: changes of iptables-legacy and of programs cause none. */
  readonly resyncMs: number;
  findPrograms(): Promise<HostPrograms>;
  /** False while changes of nftables cause no event either. */
  hasEvents(): boolean;
  /** Called after each comparison. */
  onPass(): void;
}

interface Desired {
  readonly rules: RuleSet;
  readonly enableNftables: boolean;
}

/** A transaction of iptables-nft for one table is often followed by one for the next. */
const BATCH_DELAY_MS = 20;

export class RuleReconciler {
  readonly #options: RuleReconcilerOptions;
  readonly #pace: Pace;
  readonly #alarm: Alarm;
  readonly #schedule: Schedule;
  readonly #repairs: RepairLog;
  readonly #renewal: FilterRenewal;

  /** null until rules are desired; until then nothing on the host is changed. */
  #desired: Desired | null = null;
  #host: HostPrograms | null = null;
  #choice: Choice | null = null;
  #faults: readonly string[] = [];
  #converged = false;
  /** The desired rules were in place once: every later write is a repair. */
  #wasInPlace = false;
  #writes = 0;
  #lastAgreedMs: number | null = null;

  constructor(options: RuleReconcilerOptions) {
    this.#options = options;
    const { clock, log, parts, failures } = options;
    this.#pace = new Pace({ clock, gatherMs: BATCH_DELAY_MS });
    this.#alarm = new Alarm(clock);
    this.#schedule = new Schedule(clock, this.#alarm, options.resyncMs);
    this.#repairs = new RepairLog({ clock, log, pace: this.#pace });
    this.#renewal = new FilterRenewal({ parts, failures, clock, log, hasFilter: () => this.hasFilter });
  }

  setDesired(rules: RuleSet, enableNftables: boolean): void {
    this.#desired = { rules, enableNftables };
    this.#converged = false;
    this.#wasInPlace = false;
    this.#schedule.now();
  }

  /** Something may have changed our rules. */
  compareSoon(): void {
    this.#schedule.soon();
  }

  get desiredRules(): RuleSet {
    return this.#desired?.rules ?? NO_RULES;
  }

  /** null before the first comparison. */
  get host(): HostPrograms | null {
    return this.#host;
  }

  /** True from the first time that the desired rules were in place. */
  get wasInPlace(): boolean {
    return this.#wasInPlace;
  }

  /** True when the packet filter is desired, and no failure of it is known. */
  get hasFilter(): boolean {
    const { parts, failures } = this.#options;
    return parts.hasFilter && this.#host?.hasNft === true && failures.reasonOf(PACKET_FILTER_PART) === null;
  }

  status(): RuleStatus {
    return {
      writer: this.#choice === null ? null : mainWriter(this.#choice),
      converged: this.#converged,
      faults: this.#faults,
      notes: this.#choice?.notes ?? [],
      writes: this.#writes,
      lastAgreedMs: this.#lastAgreedMs,
    };
  }

  /** Repairs the rules until the signal aborts, then rejects with its reason; they stay as they are. */
  async run(signal: AbortSignal): Promise<never> {
    for (;;) {
      signal.throwIfAborted();
      const waitMs = this.#dueMs() - this.#options.clock.nowMs();
      if (waitMs > 0) {
        await this.#alarm.sleep(Math.min(waitMs, this.#options.resyncMs), signal);
        continue;
      }
      const desired = this.#desired;
      if (desired === null) this.#schedule.clear();
      else await this.#pass(desired, signal);
    }
  }

  /** To be called when {@link run} has ended. */
  release(): Promise<void> {
    return this.#renewal.release();
  }

  #dueMs(): number {
    return Math.min(
      this.#schedule.dueMs(this.#pace.waitMs),
      this.#options.failures.nextDueMs(),
      this.#renewal.dueAtMs,
    );
  }

  async #pass(desired: Desired, signal: AbortSignal): Promise<void> {
    const isResync = this.#schedule.begin();
    const { rules, enableNftables } = desired;
    const { parts, failures } = this.#options;
    const host = await this.#findPrograms(isResync, signal);
    if (host === null) return;
    const choice = chooseWriter(rules, enableNftables, host);
    if (isResync) this.#invalidateWithoutEvents(choice, host);
    this.#choice = choice;

    const list = parts.list(rules, choice, host);
    failures.retain(new Set(list.map(({ name }) => name)));
    const written: string[] = [];
    for (const part of list) if (await this.#reconcile(part, signal)) written.push(part.name);
    await this.#renewal.renewIfDue(signal);
    if (this.#desired === desired) this.#conclude(list, choice, written);
  }

  /** Programs may be installed while the daemon runs: a resync looks for missing ones. */
  async #findPrograms(isResync: boolean, signal: AbortSignal): Promise<HostPrograms | null> {
    const lacks = this.#choice === null || this.#choice.missing.length > 0 || this.#choice.notes.length > 0;
    if (this.#host !== null && !(isResync && lacks)) return this.#host;
    try {
      this.#host = await this.#options.findPrograms();
    } catch (error) {
      signal.throwIfAborted();
      this.#options.failures.record("look for programs", error);
      this.#faults = [messageOf(error)];
      this.#converged = false;
      return null;
    }
    return this.#host;
  }

  #invalidateWithoutEvents(choice: Choice, host: HostPrograms): void {
    const { parts, hasEvents } = this.#options;
    parts.invalidateLegacy(choice, host);
    if (!hasEvents()) parts.invalidate();
  }

  async #reconcile(part: Part, signal: AbortSignal): Promise<boolean> {
    const { failures } = this.#options;
    if (!failures.isDue(part.name)) return false;
    try {
      const isWritten = await part.reconcile(signal);
      failures.clear(part.name);
      return isWritten;
    } catch (error) {
      signal.throwIfAborted();
      failures.record(part.name, error);
      return false;
    }
  }

  #conclude(parts: readonly Part[], choice: Choice, written: readonly string[]): void {
    const { failures, clock, onPass } = this.#options;
    this.#writes += written.length;
    const reasons = parts.flatMap(({ name, isWanted }) => (isWanted ? failures.reasonOf(name) : []) ?? []);
    this.#faults = [...choice.missing, ...reasons];
    this.#converged = this.#faults.length === 0 && written.length === 0;
    if (written.length > 0) {
      if (this.#wasInPlace) this.#repairs.repaired(written);
      // Another program may have written at the same time.
      this.#schedule.soon();
    } else if (this.#converged) {
      this.#wasInPlace = true;
      this.#lastAgreedMs = clock.nowMs();
    }
    onPass();
  }
}
