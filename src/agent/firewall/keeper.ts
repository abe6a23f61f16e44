/**
 * Keeps the host's packet filters as the rules say, through the programs that the host has. What is missing,
 * moved, doubled or left over from another writer is put right; where nothing differs nothing is done.
 */

import type { FirewallAccess } from "../../kernel/firewall/access.ts";
import type { RefusalCounts } from "../../kernel/firewall/nftables/counters.ts";
import { RulesetWatch } from "../../kernel/firewall/nftables/ruleset-watch.ts";
import type { HostPrograms } from "../../kernel/firewall/programs.ts";
import { NO_RULES, type RuleSet } from "../../kernel/firewall/rule-set.ts";
import { Pace } from "../../kernel/reconcile/pace.ts";
import { FAMILIES, type Family } from "../../net/index.ts";
import { Alarm } from "../../runtime/alarm.ts";
import type { Clock } from "../../runtime/clock.ts";
import { messageOf, TweedError } from "../../runtime/error.ts";
import type { Log } from "../../runtime/log.ts";
import type { Random } from "../../runtime/random.ts";
import { type Choice, chooseWriter, mainWriter } from "./choice.ts";
import { FilterRenewal } from "./filter-renewal.ts";
import { type ForwardSituation, ForwardWatch } from "./forward-watch.ts";
import { PACKET_FILTER_PART, type Part, Parts } from "./parts.ts";
import { RefusalWatch } from "./refusal-watch.ts";
import type { FirewallStatus } from "./status.ts";
import { Troubles } from "./troubles.ts";

export interface FirewallKeeperOptions {
  readonly access: FirewallAccess;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** Time between two looks at what no notification tells of. */
  readonly resyncMs: number;
}

interface Desired {
  readonly rules: RuleSet;
  readonly enableNftables: boolean;
}

/** A transaction of iptables-nft for one table is often followed by one for the next. */
const GATHER_MS = 20;
const CONTEST_LOG_MS = 60_000;
const NEVER = Number.POSITIVE_INFINITY;

export class FirewallKeeper {
  readonly #access: FirewallAccess;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #resyncMs: number;
  readonly #parts: Parts;
  readonly #troubles: Troubles;
  readonly #pace: Pace;
  readonly #alarm: Alarm;
  readonly #watch: RulesetWatch;
  readonly #forwardWatch: ForwardWatch;
  readonly #turnListeners = new Set<(status: FirewallStatus) => void>();

  /** null until rules are desired: then nothing is touched, whatever there is. */
  #desired: Desired | null = null;
  #host: HostPrograms | null = null;
  #choice: Choice | null = null;
  #faults: readonly string[] = [];
  #converged = false;
  /** What is desired stood once: whatever is written from then on is a repair. */
  #hasStood = false;
  #isUrgent = false;
  #disturbedAtMs = NEVER;
  #resyncAtMs = NEVER;
  #blockers: readonly string[] = [];
  #writes = 0;
  #lastAgreedMs: number | null = null;
  #contestLoggedMs = Number.NEGATIVE_INFINITY;
  readonly #refusalWatch: RefusalWatch;
  readonly #renewal: FilterRenewal;
  readonly #released = new AbortController();
  #running: Promise<never> | null = null;

  constructor({ access, clock, random, log, resyncMs }: FirewallKeeperOptions) {
    this.#access = access;
    this.#clock = clock;
    this.#log = log;
    this.#resyncMs = resyncMs;
    this.#parts = new Parts(access);
    this.#troubles = new Troubles({ clock, random, log });
    this.#pace = new Pace({ clock, gatherMs: GATHER_MS });
    this.#alarm = new Alarm(clock);
    this.#watch = new RulesetWatch({
      open: () => access.openEvents(),
      listener: {
        onCommit: (commit) => {
          if (this.#parts.hear(commit)) this.#wakeSoon();
          this.#forwardWatch.disturb();
        },
        onLoss: () => {
          this.#parts.lose();
          this.#wakeSoon();
          this.#forwardWatch.disturb();
        },
      },
      clock,
      random,
      log,
    });
    const hasFilter = () => this.#hasFilter;
    this.#refusalWatch = new RefusalWatch({ access, clock, log, isFiltering: hasFilter });
    this.#renewal = new FilterRenewal({
      ...{ parts: this.#parts, troubles: this.#troubles },
      ...{ clock, log, hasFilter },
    });
    this.#forwardWatch = new ForwardWatch({
      ...{ access, clock, log },
      situation: () => this.#forwarded(),
      onChange: (blockers) => {
        this.#blockers = blockers;
        this.#tellListeners();
      },
    });
  }

  /**
   * The rules that shall be, from now on; the newest call counts.
   * @param enableNftables EnableNFTables of the network configuration
   */
  setDesired(rules: RuleSet, enableNftables: boolean): void {
    this.#desired = { rules, enableNftables };
    this.#converged = false;
    this.#hasStood = false;
    this.#isUrgent = true;
    this.#alarm.ring();
  }

  status(): FirewallStatus {
    return {
      writer: this.#choice === null ? null : mainWriter(this.#choice),
      converged: this.#converged,
      faults: this.#faults,
      notes: this.#choice?.notes ?? [],
      blockers: this.#blockers,
      writes: this.#writes,
      lastAgreedMs: this.#lastAgreedMs,
    };
  }

  /** What the packet filter has refused since its table was made; null where there is no filter, or it cannot be asked. */
  async refusalCounts(): Promise<RefusalCounts | null> {
    if (!this.#hasFilter) return null;
    return this.#access.refusalCounts().catch((error: unknown) => {
      // A status that lacks them says more than none.
      if (error instanceof TweedError) return null;
      throw error;
    });
  }

  /** Calls back after every turn, until the function that is returned is called. */
  onTurn(listener: (status: FirewallStatus) => void): () => void {
    this.#turnListeners.add(listener);
    return () => this.#turnListeners.delete(listener);
  }

  /** Keeps the rules until the signal aborts, then rejects with its reason; they stay as they are. */
  run(signal: AbortSignal): Promise<never> {
    const running = this.#work(AbortSignal.any([signal, this.#released.signal]));
    this.#running = running;
    return running;
  }

  /**
   * To be called at the end: the packet filter opens soon, so that what takes this daemon's place need not know of it,
   * and late enough for a restart.
   */
  async release(): Promise<void> {
    this.#released.abort(new Error("the firewall is released"));
    // What is still being written would come after it.
    await this.#running?.catch(() => {});
    await this.#renewal.release();
  }

  async #work(signal: AbortSignal): Promise<never> {
    const failed = new AbortController();
    const ended = AbortSignal.any([signal, failed.signal]);
    const parts = [
      this.#keep(ended),
      this.#watch.run(ended),
      this.#forwardWatch.run(ended),
      this.#refusalWatch.run(ended),
    ];
    await Promise.allSettled(parts.map((part) => part.catch((error: unknown) => failed.abort(error))));
    throw ended.reason;
  }

  async #keep(signal: AbortSignal): Promise<never> {
    for (;;) {
      signal.throwIfAborted();
      const waitMs = this.#dueMs() - this.#clock.nowMs();
      if (waitMs > 0) {
        await this.#alarm.sleep(Math.min(waitMs, this.#resyncMs), signal);
        continue;
      }
      const desired = this.#desired;
      if (desired === null) this.#restUntilDesired();
      else await this.#turn(desired, signal);
    }
  }

  #dueMs(): number {
    if (this.#isUrgent) return this.#clock.nowMs();
    return Math.min(
      this.#disturbedAtMs + this.#pace.waitMs,
      this.#troubles.nextDueMs(),
      this.#resyncAtMs,
      this.#renewal.dueAtMs,
    );
  }

  #restUntilDesired(): void {
    this.#isUrgent = false;
    this.#disturbedAtMs = NEVER;
  }

  #wakeSoon(): void {
    if (this.#disturbedAtMs !== NEVER) return;
    this.#disturbedAtMs = this.#clock.nowMs();
    this.#alarm.ring();
  }

  async #turn(desired: Desired, signal: AbortSignal): Promise<void> {
    this.#isUrgent = false;
    this.#disturbedAtMs = NEVER;
    const { rules, enableNftables } = desired;
    const isResync = this.#clock.nowMs() >= this.#resyncAtMs;
    if (this.#resyncAtMs === NEVER || isResync) this.#resyncAtMs = this.#clock.nowMs() + this.#resyncMs;
    const host = await this.#lookAtHost(isResync, signal);
    if (host === null) return;
    const choice = chooseWriter(rules, enableNftables, host);
    if (isResync) this.#resync(choice, host);
    this.#choice = choice;

    const parts = this.#parts.list(rules, choice, host);
    this.#troubles.keepOnly(new Set(parts.map(({ name }) => name)));
    const written: string[] = [];
    for (const part of parts) if (await this.#mend(part, signal)) written.push(part.name);
    await this.#renewal.renewIfDue(signal);
    if (this.#desired === desired) this.#conclude(parts, choice, written);
  }

  /** Whether the packet filter is wanted, and stands for all that is known. */
  get #hasFilter(): boolean {
    return (
      this.#parts.hasFilter &&
      this.#host?.hasNft === true &&
      this.#troubles.reasonOf(PACKET_FILTER_PART) === null
    );
  }

  /** Programs may be installed while we run: those that are missing are looked for again. */
  async #lookAtHost(isResync: boolean, signal: AbortSignal): Promise<HostPrograms | null> {
    const lacks = this.#choice === null || this.#choice.missing.length > 0 || this.#choice.notes.length > 0;
    if (this.#host !== null && !(isResync && lacks)) return this.#host;
    try {
      this.#host = await this.#access.programs();
    } catch (error) {
      signal.throwIfAborted();
      this.#troubles.record("look for programs", error);
      this.#faults = [messageOf(error)];
      this.#converged = false;
      return null;
    }
    return this.#host;
  }

  #resync(choice: Choice, host: HostPrograms): void {
    this.#parts.disturbUnheard(choice, host);
    if (!this.#watch.isListening) this.#parts.lose();
  }

  async #mend(part: Part, signal: AbortSignal): Promise<boolean> {
    if (!this.#troubles.isDue(part.name)) return false;
    try {
      const isWritten = await part.mend(signal);
      this.#troubles.settle(part.name);
      return isWritten;
    } catch (error) {
      signal.throwIfAborted();
      this.#troubles.record(part.name, error);
      return false;
    }
  }

  #conclude(parts: readonly Part[], choice: Choice, written: readonly string[]): void {
    this.#writes += written.length;
    const reasons = parts.flatMap(
      ({ name, isWanted }) => (isWanted ? this.#troubles.reasonOf(name) : []) ?? [],
    );
    this.#faults = [...choice.missing, ...reasons];
    this.#converged = this.#faults.length === 0 && written.length === 0;
    if (written.length > 0) {
      if (this.#hasStood) this.#reportRepair(written);
      // A look at what was written: somebody may have written at the same time.
      this.#wakeSoon();
    } else if (this.#converged) {
      this.#hasStood = true;
      this.#lastAgreedMs = this.#clock.nowMs();
      this.#forwardWatch.start();
    }
    this.#tellListeners();
  }

  #tellListeners(): void {
    const status = this.status();
    for (const listener of this.#turnListeners) listener(status);
  }

  /** null where forwarding is left to the host. */
  #forwarded(): ForwardSituation | null {
    const { families } = this.#desired?.rules ?? NO_RULES;
    const networkOf = (family: Family) => families[family]?.forward?.[0]?.match.source?.prefix ?? null;
    const networks = { v4: networkOf("v4"), v6: networkOf("v6") };
    if (networks.v4 === null && networks.v6 === null) return null;
    return { networks, installations: FAMILIES.flatMap((family) => this.#host?.iptables[family] ?? []) };
  }

  #reportRepair(written: readonly string[]): void {
    this.#pace.slowDown();
    const fields = { op: written.join(", ") };
    if (!this.#pace.isContested) {
      this.#log.info(fields, "repaired firewall rules that were changed");
    } else if (this.#clock.nowMs() - this.#contestLoggedMs >= CONTEST_LOG_MS) {
      this.#contestLoggedMs = this.#clock.nowMs();
      this.#log.warn(fields, "something else on this host keeps changing our firewall rules");
    }
  }
}
