/** Tells the log of packets that the filter, or a data plane, refuses: what was refused, how often and whose. */

import { REFUSAL_REASONS, REFUSALS, type Refusal } from "../../kernel/firewall/refusal.ts";
import type { Ip } from "../../net/index.ts";
import type { Clock } from "../../runtime/clock.ts";
import { messageOf } from "../../runtime/error.ts";
import type { Log } from "../../runtime/log.ts";

const LOOK_EVERY_MS = 10_000;
/** Lines of one reason are no closer, whoever sends. */
const LINES_APART_MS = 60_000;
/** Sources that were named already are news again after this long. */
const FORGET_MS = 3_600_000;
/** Whoever forges chooses his sources. */
const MAX_NAMED = 8;
const MAX_REMEMBERED = 256;

export interface RefusalAccess {
  /** Reasons that it never refuses for may be absent. */
  refusalCounts(): Promise<Partial<Record<Refusal, { readonly packets: number }>>>;
  /** Whose packets were refused for this reason lately, some of them where there are many. */
  refusedSources(reason: Refusal): Promise<readonly Ip[]>;
}

export interface RefusalWatchOptions {
  readonly access: RefusalAccess;
  readonly clock: Clock;
  readonly log: Log;
  /** Whether there is a filter that counts; there always is where this is absent. */
  isFiltering?(): boolean;
}

interface Told {
  /** When there was a line last. */
  atMs: number;
  /** Sources that a line has named, and when. */
  readonly sources: Map<Ip, number>;
  /** Packets since that line. */
  packets: number;
}

export class RefusalWatch {
  readonly #options: RefusalWatchOptions;
  readonly #told = new Map<Refusal, Told>();
  /** Packets at the last look. Before the first it is none: what the kernel still has sources of was lately. */
  #counted: ReadonlyMap<Refusal, number> = new Map();

  constructor(options: RefusalWatchOptions) {
    this.#options = options;
  }

  async run(signal: AbortSignal): Promise<never> {
    const { clock, log, isFiltering = () => true } = this.#options;
    let lastFault: string | null = null;
    for (;;) {
      try {
        if (isFiltering()) await this.#look();
        lastFault = null;
      } catch (error) {
        signal.throwIfAborted();
        const reason = messageOf(error);
        if (reason !== lastFault) log.debug({ op: "read-refusals", reason }, "refusals cannot be read");
        lastFault = reason;
      }
      await clock.sleep(LOOK_EVERY_MS, signal);
    }
  }

  async #look(): Promise<void> {
    const counts = await this.#options.access.refusalCounts();
    const before = this.#counted;
    const packetsOf = (reason: Refusal) => counts[reason]?.packets ?? 0;
    this.#counted = new Map(REFUSALS.map((reason) => [reason, packetsOf(reason)]));
    for (const reason of REFUSALS) {
      const packets = packetsOf(reason) - (before.get(reason) ?? 0);
      // Fewer than before: the table is a new one.
      if (packets !== 0) await this.#tell(reason, packets > 0 ? packets : packetsOf(reason));
    }
  }

  async #tell(reason: Refusal, packets: number): Promise<void> {
    const { access, clock, log } = this.#options;
    const nowMs = clock.nowMs();
    const told = this.#told.get(reason) ?? { atMs: Number.NEGATIVE_INFINITY, sources: new Map(), packets: 0 };
    this.#told.set(reason, told);
    told.packets += packets;
    if (told.packets === 0 || nowMs - told.atMs < LINES_APART_MS) return;
    const sources = await access.refusedSources(reason);
    for (const [ip, atMs] of told.sources) if (nowMs - atMs >= FORGET_MS) told.sources.delete(ip);
    const news = sources.filter((ip) => !told.sources.has(ip)).slice(0, MAX_NAMED);
    if (news.length === 0) return;
    for (const ip of news) if (told.sources.size < MAX_REMEMBERED) told.sources.set(ip, nowMs);
    log.warn(
      {
        op: "filter-packets",
        code: reason,
        sources: news,
        count: told.packets,
        reason: REFUSAL_REASONS[reason],
      },
      "packets refused",
    );
    told.atMs = nowMs;
    told.packets = 0;
  }
}
