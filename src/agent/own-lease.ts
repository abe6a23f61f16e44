/** This node's lease: sought, kept, sought again when it is lost, and published anew when the node has changed. */
import { isDeepStrictEqual } from "node:util";
import type { NetworkConfig } from "../config/network-config.ts";
import type { Lease } from "../lease/lease.ts";
import type { HeldLease } from "../lease/store.ts";
import type { DualPrefix } from "../net/index.ts";
import { untilCalm } from "./calm.ts";
import type { Surroundings } from "./host.ts";
import type { ReadyCondition } from "./node-readiness.ts";
import type { Publication, Publications } from "./publications.ts";
import type { Readiness } from "./readiness.ts";
import { untilItWorks } from "./until-it-works.ts";

export interface OwnLeaseParts extends Omit<Surroundings, "kernel"> {
  readonly readiness: Readiness<ReadyCondition>;
}

/** What the lease shall say, asked for anew each time. */
export interface Wanted {
  readonly config: NetworkConfig;
  readonly publication: Publication;
}

export class OwnLease {
  readonly #parts: OwnLeaseParts;
  readonly #publications: Publications;
  readonly #wanted: () => Wanted;
  readonly #onChange: () => void;
  #previousSubnets: DualPrefix;
  #held: Lease | null = null;
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
    const { store, log, readiness } = this.#parts;
    for (;;) {
      // Peers know of this node already: what they are told now they turn on.
      if (this.#held !== null) await untilCalm(this.#parts.clock, signal);
      const onFault = (reason: string) => {
        log.warn({ op: "acquire-lease", reason }, "no lease yet");
        if (this.#held === null) readiness.fails("lease", reason);
      };
      const acquire = () => this.#acquire(signal);
      const { held, publication } = await untilItWorks(acquire, this.#parts, onFault, signal);
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
        this.#held = null;
      } catch (error) {
        signal.throwIfAborted();
        if (!change.signal.aborted) throw error;
      }
    }
  }

  /** While the store does not answer the node may change again and again: only what is wanted at the end is written. */
  async #acquire(
    signal: AbortSignal,
  ): Promise<{ readonly held: HeldLease; readonly publication: Publication }> {
    for (;;) {
      const { config, publication } = this.#wanted();
      const outdated = new AbortController();
      this.#asked = { publication, outdated };
      const { content } = publication;
      const request = { config, content, previousSubnets: this.#previousSubnets, held: this.#held };
      try {
        const ended = AbortSignal.any([signal, outdated.signal]);
        return { held: await this.#parts.store.acquire(request, ended), publication };
      } catch (error) {
        signal.throwIfAborted();
        if (!outdated.signal.aborted) throw error;
      } finally {
        this.#asked = null;
      }
    }
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
