/** The host's packet filters: takes the desired rules, makes the host agree with them, and reports the status. */
import type { FirewallAccess } from "../../kernel/firewall/access.ts";
import type { RefusalCounts } from "../../kernel/firewall/nftables/counters.ts";
import { RulesetWatch } from "../../kernel/firewall/nftables/ruleset-watch.ts";
import type { RuleSet } from "../../kernel/firewall/rule-set.ts";
import { FAMILIES, type Family } from "../../net/index.ts";
import type { Clock } from "../../runtime/clock.ts";
import { TweedError } from "../../runtime/error.ts";
import { linkedAbort } from "../../runtime/linked-abort.ts";
import type { Log } from "../../runtime/log.ts";
import type { Random } from "../../runtime/random.ts";
import { type ForwardedNetworks, ForwardWatch } from "./forward-watch.ts";
import { PartFailures } from "./part-failures.ts";
import { Parts } from "./parts.ts";
import { RuleReconciler } from "./reconciler.ts";
import { RefusalWatch } from "./refusal-watch.ts";
import type { FirewallStatus } from "./status.ts";

export interface HostFirewallOptions {
  readonly access: FirewallAccess;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** Between two comparisons of rules whose changes cause no event. */
  readonly resyncMs: number;
}

export class HostFirewall {
  readonly #access: FirewallAccess;
  readonly #reconciler: RuleReconciler;
  readonly #rulesetWatch: RulesetWatch;
  readonly #forwardWatch: ForwardWatch;
  readonly #refusalWatch: RefusalWatch;
  readonly #passListeners = new Set<(status: FirewallStatus) => void>();
  readonly #released = new AbortController();
  #blockers: readonly string[] = [];
  #running: Promise<never> | null = null;

  constructor({ access, clock, random, log, resyncMs }: HostFirewallOptions) {
    this.#access = access;
    const parts = new Parts(access);
    this.#reconciler = new RuleReconciler({
      ...{ parts, clock, log, resyncMs },
      failures: new PartFailures({ clock, random, log }),
      findPrograms: () => access.programs(),
      hasEvents: () => this.#rulesetWatch.isListening,
      onPass: () => {
        if (this.#reconciler.wasInPlace) this.#forwardWatch.start();
        this.#notifyListeners();
      },
    });
    this.#rulesetWatch = new RulesetWatch({
      open: () => access.openEvents(),
      listener: {
        onCommit: (commit) => {
          if (parts.receive(commit)) this.#reconciler.compareSoon();
          this.#forwardWatch.checkSoon();
        },
        onLoss: () => {
          parts.invalidate();
          this.#reconciler.compareSoon();
          this.#forwardWatch.checkSoon();
        },
      },
      clock,
      random,
      log,
    });
    this.#refusalWatch = new RefusalWatch({
      ...{ access, clock, log },
      isFiltering: () => this.#reconciler.hasFilter,
    });
    this.#forwardWatch = new ForwardWatch({
      ...{ access, clock, log },
      forwarded: () => this.#forwarded(),
      onChange: (blockers) => {
        this.#blockers = blockers;
        this.#notifyListeners();
      },
    });
  }

  /**
   * Replaces the desired rules.
   * @param enableNftables EnableNFTables of the network configuration
   */
  setDesired(rules: RuleSet, enableNftables: boolean): void {
    this.#reconciler.setDesired(rules, enableNftables);
  }

  status(): FirewallStatus {
    return { ...this.#reconciler.status(), blockers: this.#blockers };
  }

  /** Packets that the filter has refused since its table was made; null where it is absent or cannot be read. */
  async refusalCounts(): Promise<RefusalCounts | null> {
    if (!this.#reconciler.hasFilter) return null;
    return this.#access.refusalCounts().catch((error: unknown) => {
      // A status without the counters is better than none.
      if (error instanceof TweedError) return null;
      throw error;
    });
  }

  /** Calls `listener` after every comparison. @returns a function that unsubscribes it */
  onPass(listener: (status: FirewallStatus) => void): () => void {
    this.#passListeners.add(listener);
    return () => this.#passListeners.delete(listener);
  }

  /** Repairs the rules until the signal aborts, then rejects with its reason; they stay as they are. */
  run(signal: AbortSignal): Promise<never> {
    const running = this.#work(signal);
    this.#running = running;
    return running;
  }

  /**
   * To be called at the end. The packet filter opens soon, as a successor of this daemon may not support it, but late
   * enough for a restart.
   */
  async release(): Promise<void> {
    this.#released.abort(new Error("the firewall is released"));
    // A write in progress would renew the filter for longer.
    await this.#running?.catch(() => {});
    await this.#reconciler.release();
  }

  async #work(signal: AbortSignal): Promise<never> {
    const ended = linkedAbort(signal, this.#released.signal);
    const loops = [this.#reconciler, this.#rulesetWatch, this.#forwardWatch, this.#refusalWatch];
    await Promise.allSettled(
      loops.map((loop) => loop.run(ended.signal).catch((error: unknown) => ended.abort(error))),
    );
    throw ended.signal.reason;
  }

  #notifyListeners(): void {
    const status = this.status();
    for (const listener of this.#passListeners) listener(status);
  }

  /** null where forwarding is left to the host. */
  #forwarded(): ForwardedNetworks | null {
    const { desiredRules, host } = this.#reconciler;
    const networkOf = (family: Family) =>
      desiredRules.families[family]?.forward?.[0]?.match.source?.prefix ?? null;
    const networks = { v4: networkOf("v4"), v6: networkOf("v6") };
    if (networks.v4 === null && networks.v6 === null) return null;
    return { networks, installations: FAMILIES.flatMap((family) => host?.iptables[family] ?? []) };
  }
}
