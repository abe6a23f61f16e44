/** Looks for chains of other programs that drop what pods send: after changes of nftables, and once a minute. */

import type { FirewallAccess } from "../../kernel/firewall/access.ts";
import type { ForwardChain } from "../../kernel/firewall/forward-chain.ts";
import { legacyForwardChain } from "../../kernel/firewall/iptables/forward-chain.ts";
import type { Installation } from "../../kernel/firewall/iptables/installation.ts";
import { isLegacyInUse } from "../../kernel/firewall/iptables/legacy-use.ts";
import type { Prefix } from "../../net/index.ts";
import { Alarm } from "../../runtime/alarm.ts";
import type { Clock } from "../../runtime/clock.ts";
import { TweedError } from "../../runtime/error.ts";
import type { Log } from "../../runtime/log.ts";
import { forwardBlockers } from "./forward-blockers.ts";

/** One change is often followed by a hundred, and kube-proxy changes rules all day. */
const BATCH_DELAY_MS = 500;
const MIN_INTERVAL_MS = 5000;
/** The kernel sends no events for iptables-legacy. */
const CHECK_INTERVAL_MS = 60_000;

export interface ForwardedNetworks {
  /** Of pods. */
  readonly networks: { readonly v4: Prefix | null; readonly v6: Prefix | null };
  /** Every iptables of the host. */
  readonly installations: readonly Installation[];
}

export interface ForwardWatchOptions {
  readonly access: Pick<FirewallAccess, "forwardChains" | "save">;
  readonly clock: Clock;
  readonly log: Log;
  /** null where forwarding is left to the host. */
  forwarded(): ForwardedNetworks | null;
  /** Called when the list of blockers has changed; one sentence for each. */
  onChange(blockers: readonly string[]): void;
}

export class ForwardWatch {
  readonly #options: ForwardWatchOptions;
  readonly #alarm: Alarm;
  #blockers: readonly string[] = [];
  #isStarted = false;

  constructor(options: ForwardWatchOptions) {
    this.#options = options;
    this.#alarm = new Alarm(options.clock);
  }

  /** To be called when our own rules are in place. */
  start(): void {
    if (this.#isStarted) return;
    this.#isStarted = true;
    this.#alarm.ring();
  }

  /** To be called after a change of nftables. */
  checkSoon(): void {
    if (this.#isStarted) this.#alarm.ring();
  }

  async run(signal: AbortSignal): Promise<never> {
    const { clock } = this.#options;
    for (;;) {
      await this.#alarm.sleep(this.#isStarted ? CHECK_INTERVAL_MS : Number.POSITIVE_INFINITY, signal);
      if (!this.#isStarted) continue;
      await clock.sleep(BATCH_DELAY_MS, signal);
      const blockers = await this.#check(signal);
      if (blockers.join("\n") !== this.#blockers.join("\n")) {
        this.#blockers = blockers;
        this.#options.onChange(blockers);
      }
      await clock.sleep(MIN_INTERVAL_MS, signal);
    }
  }

  async #check(signal: AbortSignal): Promise<readonly string[]> {
    const forwarded = this.#options.forwarded();
    if (forwarded === null) return [];
    const chains = [...(await this.#nftables()), ...(await this.#legacy(forwarded.installations, signal))];
    return forwardBlockers(chains, forwarded.networks);
  }

  /** A kernel without nftables has no chains there. */
  #nftables(): Promise<readonly ForwardChain[]> {
    return this.#options.access.forwardChains().catch((error) => this.#unreadable(error));
  }

  async #legacy(
    installations: readonly Installation[],
    signal: AbortSignal,
  ): Promise<readonly ForwardChain[]> {
    const chains: ForwardChain[] = [];
    for (const installation of installations) {
      if (installation.kind !== "legacy" || !isLegacyInUse(installation.family)) continue;
      try {
        const chain = legacyForwardChain(installation, await this.#options.access.save(installation, signal));
        if (chain !== null) chains.push(chain);
      } catch (error) {
        signal.throwIfAborted();
        this.#unreadable(error);
      }
    }
    return chains;
  }

  #unreadable(error: unknown): readonly ForwardChain[] {
    if (!(error instanceof TweedError)) throw error;
    this.#options.log.debug({ op: "check-forwarding", reason: error.message }, "forward chains not read");
    return [];
  }
}
