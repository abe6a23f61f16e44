/** Logs packets that the filter or a data plane refuses: the reason, how many, and their sources. */

import { REFUSAL_REASONS, REFUSALS, type Refusal } from "../../kernel/firewall/refusal.ts";
import type { Ip } from "../../net/index.ts";
import type { Clock } from "../../runtime/clock.ts";
import { messageOf } from "../../runtime/error.ts";
import type { Log } from "../../runtime/log.ts";

const READ_EVERY_MS = 10_000;
/** Between two lines with one reason, whatever the sources. */
const LINES_APART_MS = 60_000;
/** A source that was named is named again after this time. */
const FORGET_MS = 3_600_000;
/** A forger chooses the sources, so their number is limited. */
const MAX_NAMED = 8;
const MAX_REMEMBERED = 256;

export interface RefusalAccess {
  /** A reason that it never has may be absent. */
  refusalCounts(): Promise<Partial<Record<Refusal, { readonly packets: number }>>>;
  /** Sources of packets that were refused lately for this reason; some of them where there are many. */
  refusedSources(reason: Refusal): Promise<readonly Ip[]>;
}

export interface RefusalWatchOptions {
  readonly access: RefusalAccess;
  readonly clock: Clock;
  readonly log: Log;
  /** False while there is no filter that counts. Absent where there always is one. */
  isFiltering?(): boolean;
}

interface Reported {
  /** When the last line was written. */
  atMs: number;
  /** Sources that a line has named, and when. */
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
      await clock.sleep(READ_EVERY_MS, signal);
    }
  }

  async #read(): Promise<void> {
    const counts = await this.#options.access.refusalCounts();
    const before = this.#counted;
    const packetsOf = (reason: Refusal) => counts[reason]?.packets ?? 0;
    this.#counted = new Map(REFUSALS.map((reason) => [reason, packetsOf(reason)]));
    for (const reason of REFUSALS) {
      const packets = packetsOf(reason) - (before.get(reason) ?? 0);
      // Fewer than before: the table was made anew.
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
    if (reported.packets === 0 || nowMs - reported.atMs < LINES_APART_MS) return;
    const sources = await access.refusedSources(reason);
    for (const [ip, atMs] of reported.sources) if (nowMs - atMs >= FORGET_MS) reported.sources.delete(ip);
    const unnamed = sources.filter((ip) => !reported.sources.has(ip)).slice(0, MAX_NAMED);
    if (unnamed.length === 0) return;
    for (const ip of unnamed) if (reported.sources.size < MAX_REMEMBERED) reported.sources.set(ip, nowMs);
    log.warn(
      {
        op: "filter-packets",
        code: reason,
        sources: unnamed,
        count: reported.packets,
        reason: REFUSAL_REASONS[reason],
      },
      "packets refused",
    );
    reported.atMs = nowMs;
    reported.packets = 0;
  }
}
