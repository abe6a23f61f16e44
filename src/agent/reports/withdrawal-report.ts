/** Reports a mass withdrawal that is held back: to the log when it begins and ends, and as a note meanwhile. */
import type { Clock } from "../../runtime/clock.ts";
import type { Log } from "../../runtime/log.ts";
import type { Withdrawals, WithdrawalTotals } from "../switch-over/mass-withdrawal.ts";
import type { NodeNotes } from "./node-notes.ts";
import type { NodeReport } from "./node-report.ts";

interface Begun {
  readonly sinceMs: number;
  readonly sinceWallMs: number;
  /** Before it began. */
  readonly totals: WithdrawalTotals;
}

export class WithdrawalReport {
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #notes: NodeNotes;
  readonly #report: NodeReport;
  #begun: Begun | null = null;
  #totals: WithdrawalTotals = { begun: 0, withdrawn: 0, returned: 0 };

  constructor(parts: {
    readonly clock: Clock;
    readonly log: Log;
    readonly notes: NodeNotes;
    readonly report: NodeReport;
  }) {
    this.#clock = parts.clock;
    this.#log = parts.log;
    this.#notes = parts.notes;
    this.#report = parts.report;
  }

  update({ missing, programmed, fault, totals }: Withdrawals): void {
    this.#report.withdrawals = { heldBack: missing?.size ?? 0, ...totals };
    if (missing === null) {
      this.#end(totals);
    } else {
      this.#begun ??= this.#begin(missing.size, programmed.size);
      const listed = [...missing.values()].filter(({ verdict }) => verdict === "listed").length;
      const facts = [
        `the store no longer lists ${missing.size} of ${programmed.size} peers; they stay until another reading confirms it`,
        ...(listed === 0 ? [] : [`another reading still lists ${listed} of them`]),
        ...(fault === null ? [] : [`the leases cannot be read: ${fault}`]),
      ];
      this.#notes.set("withdrawal", [facts.join("; ")], this.#begun.sinceWallMs);
    }
    this.#totals = totals;
  }

  #begin(count: number, peers: number): Begun {
    const reason = `the store no longer lists ${count} of ${peers} peers`;
    this.#log.warn(
      { op: "withdraw-peers", count, reason },
      "mass withdrawal held back until it is confirmed",
    );
    return { sinceMs: this.#clock.nowMs(), sinceWallMs: this.#clock.wallMs(), totals: this.#totals };
  }

  #end(totals: WithdrawalTotals): void {
    if (this.#begun === null) return;
    const { sinceMs, totals: before } = this.#begun;
    this.#begun = null;
    this.#notes.set("withdrawal", []);
    const withdrawn = totals.withdrawn - before.withdrawn;
    const returned = totals.returned - before.returned;
    const reason = `${withdrawn} peers withdrawn, ${returned} listed again`;
    const durationMs = this.#clock.nowMs() - sinceMs;
    this.#log.warn({ op: "withdraw-peers", count: withdrawn, durationMs, reason }, "mass withdrawal ended");
  }
}
