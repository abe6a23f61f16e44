/** The results of one target: which requests were answered, and how fast. */
import type { Ip } from "../net/index.ts";

export interface ProbeResult {
  readonly target: Ip;
  readonly sent: number;
  readonly received: number;
  readonly lost: number;
  /** Most requests lost in a row. */
  readonly longestLoss: number;
  readonly rttMs: {
    readonly min: number;
    readonly median: number;
    readonly p99: number;
    readonly max: number;
  } | null;
}

export class Tally {
  readonly #target: Ip;
  readonly #sentAtMs: number[] = [];
  readonly #answered: boolean[] = [];
  readonly #rttsMs: number[] = [];

  constructor(target: Ip) {
    this.#target = target;
  }

  get outstanding(): number {
    return this.#sentAtMs.length - this.#rttsMs.length;
  }

  sent(index: number, atMs: number): void {
    this.#sentAtMs[index] = atMs;
    this.#answered[index] = false;
  }

  /** Duplicates, and replies without a request, are ignored. */
  received(index: number, atMs: number): void {
    const sentAtMs = this.#sentAtMs[index];
    if (sentAtMs === undefined || this.#answered[index] !== false) return;
    this.#answered[index] = true;
    this.#rttsMs.push(atMs - sentAtMs);
  }

  result(): ProbeResult {
    const sent = this.#sentAtMs.length;
    const received = this.#rttsMs.length;
    let longestLoss = 0;
    let run = 0;
    for (const answered of this.#answered) {
      run = answered ? 0 : run + 1;
      longestLoss = Math.max(longestLoss, run);
    }
    return {
      target: this.#target,
      sent,
      received,
      lost: sent - received,
      longestLoss,
      rttMs: summary(this.#rttsMs),
    };
  }
}

function summary(valuesMs: readonly number[]): ProbeResult["rttMs"] {
  const sorted = valuesMs.toSorted((a, b) => a - b);
  const at = (share: number) => {
    const value = sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
    return Math.round(value * 1000) / 1000;
  };
  return sorted.length === 0 ? null : { min: at(0), median: at(0.5), p99: at(0.99), max: at(1) };
}
