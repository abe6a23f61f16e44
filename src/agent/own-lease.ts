/** This node's lease: sought, kept, sought again when it is lost, and published anew when the node has changed. */
import { isDeepStrictEqual } from "node:util";
import type { NetworkConfig } from "../config/network-config.ts";
import type { HostIdentity } from "../lease/host-identity.ts";
import type { Lease } from "../lease/lease.ts";
import { type Dispute, NO_DISPUTE } from "../lease/own-leases.ts";
import type { HeldLease } from "../lease/store.ts";
import type { DualPrefix } from "../net/index.ts";
import { Backoff } from "../runtime/backoff.ts";
import type { ReadyCondition } from "./reports/node-readiness.ts";
import type { Readiness } from "./reports/readiness.ts";
import { untilCalm } from "./switch-over/calm.ts";
import type { Publication, Publications } from "./switch-over/publications.ts";
import type { Surroundings } from "./underlay/host.ts";
import { untilItWorks } from "./until-it-works.ts";

export interface OwnLeaseParts extends Omit<Surroundings, "kernel"> {
  readonly readiness: Readiness<ReadyCondition>;
  readonly identity: HostIdentity | null;
}

/** What the lease shall say, asked for anew each time. */
export interface Wanted {
  readonly config: NetworkConfig;
  readonly publication: Publication;
}

interface Acquired {
  readonly held: HeldLease;
  readonly publication: Publication;
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
  readonly #publications: Publications;
  readonly #wanted: () => Wanted;
  readonly #onChange: () => void;
  readonly #fight: Backoff;
  #previousSubnets: DualPrefix;
  #held: Lease | null = null;
  #dispute: Dispute = NO_DISPUTE;
  #losses = 0;
  #republish: () => void = () => {};
  /** What the store is being asked to publish; null while it is not asked. */
  #asked: { readonly publication: Publication; readonly outdated: AbortController } | null = null;

  /** @param onChange called when the lease was got or published anew */
  constructor(
    parts: OwnLeaseParts,
    publications: Publications,
    previousSubnets: DualPrefix,
    wanted: () => Wanted,
    onChange: () => void,
  ) {
    this.#parts = parts;
    this.#publications = publications;
    this.#previousSubnets = previousSubnets;
    this.#wanted = wanted;
    this.#onChange = onChange;
    this.#fight = new Backoff({ ...FIGHT, random: parts.random });
  }

  /** null before it is there, and while another is sought. */
  get held(): Lease | null {
    return this.#held;
  }

  /** Publishes what is wanted, if that is not what was published last or is about to be. */
  review(): void {
    const { newest } = this.#publications;
    if (this.#asked !== null && !isSame(this.#asked.publication, this.#wanted().publication)) {
      this.#asked.outdated.abort();
    }
    if (this.#held !== null && newest !== null && !isSame(newest, this.#wanted().publication)) {
      this.#republish();
    }
  }

  async run(signal: AbortSignal): Promise<never> {
    const { store, log, readiness, clock } = this.#parts;
    for (;;) {
      // Peers know of this node already: what they are told now they turn on.
      if (this.#held !== null) await untilCalm(clock, signal);
      const { held, publication } = await this.#acquire(signal);
      const sinceMs = clock.nowMs();
      const { key, subnets } = held.lease;
      const backend = publication.backends.map((each) => each.channel).join(", ");
      log.info({ op: "acquire-lease", key, subnet: subnets, backend }, "lease held");
      this.#previousSubnets = subnets;
      this.#held = held.lease;
      this.#publications.add(publication);
      readiness.holds("lease");
      const change = new AbortController();
      this.#republish = () => change.abort();
      this.#onChange();
      try {
        const reason = await store.keep(held, AbortSignal.any([signal, change.signal]));
        log.error({ op: "keep-lease", key, reason }, "lease lost, seeking it again");
        // The data path stays as it is while a new lease is sought.
        readiness.fails("lease", `the lease was lost: ${reason}`);
        this.#dispute = { ...this.#dispute, lost: held.lease };
        this.#held = null;
        await this.#waitInFight(clock.nowMs() - sinceMs, signal);
      } catch (error) {
        signal.throwIfAborted();
        if (!change.signal.aborted) throw error;
      }
    }
  }

  /** Until it works; each attempt with what is to be published then. */
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
      const { config, publication } = this.#wanted();
      const outdated = new AbortController();
      this.#asked = { publication, outdated };
      const request = {
        config,
        content: publication.content,
        previousSubnets: this.#previousSubnets,
        held: this.#held,
        dispute: this.#dispute,
        ...(identity === null ? {} : { identity }),
      };
      try {
        const ended = AbortSignal.any([signal, outdated.signal]);
        return { held: await store.acquire(request, ended), publication };
      } catch (error) {
        signal.throwIfAborted();
        if (!outdated.signal.aborted) throw error;
      } finally {
        this.#asked = null;
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

/** Also of options that peers need not know: they come into force in the same way as all others. */
function isSame(one: Publication, other: Publication): boolean {
  return (
    one.backends.length === other.backends.length &&
    one.backends.every((backend, index) => backend === other.backends[index]) &&
    isDeepStrictEqual(one.content, other.content)
  );
}
