/** Logs packets that the filter or a data plane refuses: the reason, how many, and their sources. */

import { REFUSAL_REASONS, REFUSALS, type Refusal } from "../../kernel/firewall/refusal.ts";
import type { Ip } from "../../net/index.ts";
import type { Clock } from "../../runtime/clock.ts";
import { messageOf } from "../../runtime/error.ts";
import type { Log } from "../../runtime/log.ts";

const READ_INTERVAL_MS = 10_000;
/** Least time between two lines with one reason, whatever the sources. */
const LOG_INTERVAL_MS = 60_000;
/** Time after which a logged source may be logged again. */
const SOURCE_TTL_MS = 3_600_000;
/** A forger chooses the sources, so their number is limited. */
const MAX_SOURCES_PER_LINE = 8;
const MAX_REMEMBERED = 256;

export interface RefusalAccess {
  /** A reason that never occurs there may be absent. */
  refusalCounts(): Promise<Partial<Record<Refusal, { readonly packets: number }>>>;
  /** Sources of recent packets that were refused for this reason; not all of them where there are many. */
  refusedSources(reason: Refusal): Promise<readonly Ip[]>;
}

export interface RefusalWatchOptions {
  readonly access: RefusalAccess;
  readonly clock: Clock;
  readonly log: Log;
  /** False while no filter counts packets; absent where one always does. */
  isFiltering?(): boolean;
}

interface Reported {
  /** When the last line was written. */
  atMs: number;
  /** Sources that a line has named, with its time. */
  readonly sources: Map<Ip, number>;
  /** Packets since that line. */
  packets: number;
}

export class RefusalWatch {
  readonly #options: RefusalWatchOptions;
  readonly #reported = new Map<Refusal, Reported>();
  /** Packets at the last reading. None before the first: the kernel only has sources of recent packets. */
  #counted: ReadonlyMap<Refusal, number> = new Map();

  constructor(options: RefusalWatchOptions) {
    this.#options = options;
  }

  async run(signal: AbortSignal): Promise<never> {
    const { clock, log, isFiltering = () => true } = this.#options;
    let lastFault: string | null = null;
    for (;;) {
      try {
        if (isFiltering()) await this.#read();
        lastFault = null;
      } catch (error) {
        signal.throwIfAborted();
        const reason = messageOf(error);
        if (reason !== lastFault)
          log.debug({ op: "read-refusals", reason }, "counters of refused packets not read");
        lastFault = reason;
      }
      await clock.sleep(READ_INTERVAL_MS, signal);
    }
  }

  async #read(): Promise<void> {
    const counts = await this.#options.access.refusalCounts();
    const before = this.#counted;
    const packetsOf = (reason: Refusal) => counts[reason]?.packets ?? 0;
    this.#counted = new Map(REFUSALS.map((reason) => [reason, packetsOf(reason)]));
    for (const reason of REFUSALS) {
      const packets = packetsOf(reason) - (before.get(reason) ?? 0);
      // Fewer than before: the table was recreated.
      if (packets !== 0) await this.#report(reason, packets > 0 ? packets : packetsOf(reason));
    }
  }

  async #report(reason: Refusal, packets: number): Promise<void> {
    const { access, clock, log } = this.#options;
    const nowMs = clock.nowMs();
    const reported = this.#reported.get(reason) ?? {
      atMs: Number.NEGATIVE_INFINITY,
      sources: new Map(),
      packets: 0,
    };
    this.#reported.set(reason, reported);
    reported.packets += packets;
    if (reported.packets === 0 || nowMs - reported.atMs < LOG_INTERVAL_MS) return;
    const sources = await access.refusedSources(reason);
    for (const [ip, atMs] of reported.sources) if (nowMs - atMs >= SOURCE_TTL_MS) reported.sources.delete(ip);
    const unlogged = sources.filter((ip) => !reported.sources.has(ip)).slice(0, MAX_SOURCES_PER_LINE);
    if (unlogged.length === 0) return;
    for (const ip of unlogged) if (reported.sources.size < MAX_REMEMBERED) reported.sources.set(ip, nowMs);
    log.warn(
      {
        op: "filter-packets",
        code: reason,
        sources: unlogged,
        count: reported.packets,
        reason: REFUSAL_REASONS[reason],
      },
      "packets refused",
    );
    reported.atMs = nowMs;
    reported.packets = 0;
  }
}
