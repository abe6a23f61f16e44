/** This node's lease: acquired with what is to be published, kept, acquired again when it is lost or is to say something else. */
import type { NetworkConfig } from "../config/network-config.ts";
import type { HostIdentity } from "../lease/host-identity.ts";
import type { Lease } from "../lease/lease.ts";
import { type Dispute, NO_DISPUTE } from "../lease/own-leases.ts";
import type { HeldLease } from "../lease/store.ts";
import type { DualPrefix } from "../net/index.ts";
import { Backoff } from "../runtime/backoff.ts";
import type { ReadyCondition } from "./reports/node-readiness.ts";
import type { Readiness } from "./reports/readiness.ts";
import type { ActiveBackend } from "./switch-over/active-backend.ts";
import type { Advertisement } from "./switch-over/advertisement-history.ts";
import type { SwitchOverEvent } from "./switch-over/event.ts";
import type { Surroundings } from "./underlay/host.ts";
import { untilItWorks } from "./until-it-works.ts";

export interface OwnLeaseParts extends Omit<Surroundings, "kernel"> {
  readonly readiness: Readiness<ReadyCondition>;
  readonly identity: HostIdentity | null;
}

export type LeaseEvent = Extract<
  SwitchOverEvent<ActiveBackend>,
  { readonly kind: "lease published" | "lease lost" }
>;

interface Acquired {
  readonly held: HeldLease;
  readonly advertisement: Advertisement<ActiveBackend>;
}

/** A lease that lasted this long was lost for a reason of its own, and is sought again at once. */
const STABLE_MS = 60_000;
/** So many losses in a row may have reasons of their own too, such as an operator who deletes a lease twice. */
const UNREMARKABLE_LOSSES = 3;
const FIGHT = { firstMs: 1_000, maxMs: 60_000 };
/** The same reason is logged again after this long. */
const REMIND_MS = 600_000;

export class OwnLease {
  readonly #parts: OwnLeaseParts;
  readonly #config: () => NetworkConfig;
  readonly #notify: (event: LeaseEvent) => void;
  readonly #fight: Backoff;
  #previousSubnets: DualPrefix;
  #held: Lease | null = null;
  #dispute: Dispute = NO_DISPUTE;
  #losses = 0;
  #wanted: Advertisement<ActiveBackend> | null = null;
  /** Aborts when something else is wanted than what is being asked for or kept. */
  #outdated = new AbortController();

  /** @param config in force, asked for with each attempt */
  constructor(
    parts: OwnLeaseParts,
    previousSubnets: DualPrefix,
    config: () => NetworkConfig,
    notify: (event: LeaseEvent) => void,
  ) {
    this.#parts = parts;
    this.#previousSubnets = previousSubnets;
    this.#config = config;
    this.#notify = notify;
    this.#fight = new Backoff({ ...FIGHT, random: parts.random });
  }

  /** From now on; the newest call counts, also while the store is being asked for what was wanted before. */
  publish(wanted: Advertisement<ActiveBackend>): void {
    const outdated = this.#outdated;
    this.#wanted = wanted;
    this.#outdated = new AbortController();
    outdated.abort();
  }

  /** To be called when there is something to publish. */
  async run(signal: AbortSignal): Promise<never> {
    const { log, readiness, clock } = this.#parts;
    for (;;) {
      const { held, advertisement } = await this.#acquire(signal);
      const sinceMs = clock.nowMs();
      const { key, subnets } = held.lease;
      const backend = advertisement.backends.map((each) => each.channel).join(", ");
      log.info({ op: "acquire-lease", key, subnet: subnets, backend }, "lease held");
      this.#previousSubnets = subnets;
      this.#held = held.lease;
      readiness.holds("lease");
      this.#notify({ kind: "lease published", advertisement, lease: held.lease });
      const reason = await this.#keep(held, advertisement, signal);
      if (reason === null) continue;
      log.error({ op: "keep-lease", key, reason }, "lease lost, acquiring it again");
      readiness.fails("lease", `the lease was lost: ${reason}`);
      this.#dispute = { ...this.#dispute, lost: held.lease };
      this.#held = null;
      this.#notify({ kind: "lease lost" });
      await this.#waitInFight(clock.nowMs() - sinceMs, signal);
    }
  }

  /** @returns why it was lost, or null when something else is to be published */
  async #keep(
    held: HeldLease,
    advertisement: Advertisement<ActiveBackend>,
    signal: AbortSignal,
  ): Promise<string | null> {
    const outdated = this.#outdated.signal;
    if (this.#wanted !== advertisement) return null;
    try {
      return await this.#parts.store.keep(held, AbortSignal.any([signal, outdated]));
    } catch (error) {
      signal.throwIfAborted();
      if (!outdated.aborted) throw error;
      return null;
    }
  }

  async #acquire(signal: AbortSignal): Promise<Acquired> {
    const { log, readiness, clock } = this.#parts;
    let logged = { reason: "", atMs: 0 };
    const onFault = (reason: string) => {
      if (this.#held === null) readiness.fails("lease", reason);
      if (reason === logged.reason && clock.nowMs() - logged.atMs < REMIND_MS) return;
      logged = { reason, atMs: clock.nowMs() };
      log.warn({ op: "acquire-lease", reason }, "no lease yet");
    };
    const acquired = await untilItWorks(() => this.#ask(signal), this.#parts, onFault, signal);
    const { takenFrom = null } = acquired.held;
    if (takenFrom !== null) {
      const reason = `node ${takenFrom} had it: this machine before a reboot, or one that cannot be told from it`;
      log.info({ op: "acquire-lease", key: acquired.held.lease.key, reason }, "lease taken over");
      const others = new Set(this.#dispute.takenFrom).add(takenFrom);
      this.#dispute = { ...this.#dispute, takenFrom: others };
    }
    return acquired;
  }

  /** While the store does not answer the node may change again and again: only what is wanted at the end is written. */
  async #ask(signal: AbortSignal): Promise<Acquired> {
    const { store, identity } = this.#parts;
    for (;;) {
      const advertisement = this.#wanted;
      const outdated = this.#outdated.signal;
      if (advertisement === null) throw new RangeError("there is nothing to publish yet");
      const request = {
        config: this.#config(),
        content: advertisement.content,
        previousSubnets: this.#previousSubnets,
        held: this.#held,
        dispute: this.#dispute,
        ...(identity === null ? {} : { identity }),
      };
      try {
        return { held: await store.acquire(request, AbortSignal.any([signal, outdated])), advertisement };
      } catch (error) {
        signal.throwIfAborted();
        if (!outdated.aborted) throw error;
      }
    }
  }

  /** Whoever else wants this lease does what this node does: each time that it is taken away it waits longer. */
  async #waitInFight(heldMs: number, signal: AbortSignal): Promise<void> {
    if (heldMs >= STABLE_MS) {
      this.#losses = 0;
      this.#fight.reset();
    }
    this.#losses += 1;
    if (this.#losses > UNREMARKABLE_LOSSES) await this.#parts.clock.sleep(this.#fight.nextMs(), signal);
  }
}
