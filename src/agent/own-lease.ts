/** This node's lease: acquires it, holds it, and acquires it again when it is lost or its content changes. */
import type { NetworkConfig } from "../config/network-config.ts";
import type { HostIdentity } from "../lease/host-identity.ts";
import type { Lease } from "../lease/lease.ts";
import { type Dispute, NO_DISPUTE } from "../lease/own-leases.ts";
import type { HeldLease } from "../lease/store.ts";
import type { DualPrefix } from "../net/index.ts";
import { Backoff } from "../runtime/backoff.ts";
import { linkedAbort } from "../runtime/linked-abort.ts";
import type { ReadyCondition } from "./reports/node-readiness.ts";
import type { Readiness } from "./reports/readiness.ts";
import type { ActiveBackend } from "./switch-over/active-backend.ts";
import type { Advertisement } from "./switch-over/advertisement-history.ts";
import type { SwitchOverEvent } from "./switch-over/event.ts";
import type { Surroundings } from "./underlay/host.ts";
import { withRetries } from "./with-retries.ts";

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

/** A lease that was held this long was not lost to contention, and is acquired again at once. */
const STABLE_MS = 60_000;
/** So many losses in a row may still have another cause, for example an operator who deletes a lease twice. */
const LOSSES_BEFORE_BACKOFF = 3;
const CONTENTION = { firstMs: 1_000, maxMs: 60_000 };
/** Time after which the same reason is logged again. */
const REMIND_MS = 600_000;

export class OwnLease {
  readonly #parts: OwnLeaseParts;
  readonly #config: () => NetworkConfig;
  readonly #notify: (event: LeaseEvent) => void;
  readonly #contention: Backoff;
  #previousSubnets: DualPrefix;
  #held: Lease | null = null;
  #dispute: Dispute = NO_DISPUTE;
  #losses = 0;
  #wanted: Advertisement<ActiveBackend> | null = null;
  /** Aborts when the wanted advertisement is no longer the one being acquired or held. */
  #outdated = new AbortController();

  /** @param config returns the configuration in force; called for each attempt */
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
    this.#contention = new Backoff({ ...CONTENTION, random: parts.random });
  }

  /** The newest call wins, also while the store still handles an earlier one. */
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
      const reason = await this.#hold(held, advertisement, signal);
      if (reason === null) continue;
      log.error({ op: "keep-lease", key, reason }, "lease lost, acquiring it again");
      readiness.fails("lease", `the lease was lost: ${reason}`);
      this.#dispute = { ...this.#dispute, lost: held.lease };
      this.#held = null;
      this.#notify({ kind: "lease lost" });
      await this.#waitForContention(clock.nowMs() - sinceMs, signal);
    }
  }

  /** @returns why it was lost, or null when something else is to be published */
  async #hold(
    held: HeldLease,
    advertisement: Advertisement<ActiveBackend>,
    signal: AbortSignal,
  ): Promise<string | null> {
    const outdated = this.#outdated.signal;
    if (this.#wanted !== advertisement) return null;
    const ended = linkedAbort(signal, outdated);
    try {
      return await this.#parts.store.holdUntilLost(held, ended.signal);
    } catch (error) {
      signal.throwIfAborted();
      if (!outdated.aborted) throw error;
      return null;
    } finally {
      ended.abort();
    }
  }

  async #acquire(signal: AbortSignal): Promise<Acquired> {
    const { log, readiness, clock } = this.#parts;
    let logged = { reason: "", atMs: 0 };
    const onFault = (reason: string) => {
      if (this.#held === null) readiness.fails("lease", reason);
      if (reason === logged.reason && clock.nowMs() - logged.atMs < REMIND_MS) return;
      logged = { reason, atMs: clock.nowMs() };
      log.warn({ op: "acquire-lease", reason }, "lease not acquired, will retry");
    };
    const acquired = await withRetries(() => this.#request(signal), this.#parts, onFault, signal);
    const { takenFrom = null } = acquired.held;
    if (takenFrom !== null) {
      const reason = `node ${takenFrom.id} held it: this machine before a reboot, or one indistinguishable from it`;
      log.info({ op: "acquire-lease", key: acquired.held.lease.key, reason }, "lease taken over");
      const others = new Map(this.#dispute.takenFrom).set(takenFrom.id, takenFrom.version);
      this.#dispute = { ...this.#dispute, takenFrom: others };
    }
    return acquired;
  }

  /** While the store does not answer the node may change several times; only the last advertisement is written. */
  async #request(signal: AbortSignal): Promise<Acquired> {
    const { store, identity } = this.#parts;
    for (;;) {
      const advertisement = this.#wanted;
      const outdated = this.#outdated.signal;
      if (advertisement === null) throw new RangeError("nothing to publish yet");
      const request = {
        config: this.#config(),
        content: advertisement.content,
        previousSubnets: this.#previousSubnets,
        held: this.#held,
        dispute: this.#dispute,
        ...(identity === null ? {} : { identity }),
      };
      const ended = linkedAbort(signal, outdated);
      try {
        return { held: await store.acquire(request, ended.signal), advertisement };
      } catch (error) {
        signal.throwIfAborted();
        if (!outdated.aborted) throw error;
      } finally {
        ended.abort();
      }
    }
  }

  /** The other claimant of this lease does the same: both wait longer after each loss. */
  async #waitForContention(heldMs: number, signal: AbortSignal): Promise<void> {
    if (heldMs >= STABLE_MS) {
      this.#losses = 0;
      this.#contention.reset();
    }
    this.#losses += 1;
    if (this.#losses > LOSSES_BEFORE_BACKOFF)
      await this.#parts.clock.sleep(this.#contention.nextMs(), signal);
  }
}
