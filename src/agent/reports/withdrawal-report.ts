/** Reports a mass withdrawal that is held back: to the log when it begins and ends, and as a note meanwhile. */
import type { Withdrawals, WithdrawalTotals } from "../switch-over/mass-withdrawal.ts";
import type { ReportParts } from "./report-parts.ts";

interface Begun {
  readonly sinceMs: number;
  readonly sinceWallMs: number;
  /** Before it began. */
  readonly totals: WithdrawalTotals;
}

export class WithdrawalReport {
  readonly #parts: ReportParts;
  #begun: Begun | null = null;
  #totals: WithdrawalTotals = { begun: 0, withdrawn: 0, returned: 0 };

  constructor(parts: ReportParts) {
    this.#parts = parts;
  }

  update({ missing, programmed, former, fault, totals }: Withdrawals): void {
    this.#parts.report.withdrawals = { heldBack: missing?.size ?? 0, ...totals };
    if (missing === null) {
      this.#end(totals);
    } else {
      const peers = Math.max(missing.size, (programmed ?? former).size);
      this.#begun ??= this.#begin(missing.size, peers);
      const listed = [...missing.values()].filter(({ verdict }) => verdict === "listed").length;
      const facts = [
        `the store no longer lists ${missing.size} of ${peers} peers; they stay until another reading confirms it`,
        ...(listed === 0 ? [] : [`another reading still lists ${listed} of them`]),
        ...(fault === null ? [] : [`the leases cannot be read: ${fault}`]),
      ];
      this.#parts.notes.set("withdrawal", [facts.join("; ")], this.#begun.sinceWallMs);
    }
    this.#totals = totals;
  }

  #begin(count: number, peers: number): Begun {
    const reason = `the store no longer lists ${count} of ${peers} peers`;
    this.#parts.log.warn(
      { op: "withdraw-peers", count, reason },
      "mass withdrawal held back until it is confirmed",
    );
    return {
      sinceMs: this.#parts.clock.nowMs(),
      sinceWallMs: this.#parts.clock.wallMs(),
      totals: this.#totals,
    };
  }

  #end(totals: WithdrawalTotals): void {
    if (this.#begun === null) return;
    const { sinceMs, totals: before } = this.#begun;
    this.#begun = null;
    this.#parts.notes.set("withdrawal", []);
    const withdrawn = totals.withdrawn - before.withdrawn;
    const returned = totals.returned - before.returned;
    const reason = `${withdrawn} peers withdrawn, ${returned} listed again`;
    const durationMs = this.#parts.clock.nowMs() - sinceMs;
    this.#parts.log.warn(
      { op: "withdraw-peers", count: withdrawn, durationMs, reason },
      "mass withdrawal ended",
    );
  }
}
