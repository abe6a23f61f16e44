/** Whether the store answers, from the outcome of the requests to it. */
import type { Clock } from "../runtime/clock.ts";

export interface StoreOutage {
  /** Names the store: "etcd at 192.0.2.7:2379 does not answer: connection refused". */
  readonly reason: string;
  /** Milliseconds since the epoch. */
  readonly sinceWallMs: number;
}

export class StoreHealth {
  readonly #clock: Clock;
  readonly #listeners = new Set<() => void>();
  #outage: StoreOutage | null = null;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** null while the store answers, and before the first request. */
  get outage(): StoreOutage | null {
    return this.#outage;
  }

  failed(reason: string): void {
    if (this.#outage?.reason === reason) return;
    this.#outage = { reason, sinceWallMs: this.#outage?.sinceWallMs ?? this.#clock.wallMs() };
    this.#notify();
  }

  succeeded(): void {
    if (this.#outage === null) return;
    this.#outage = null;
    this.#notify();
  }

  /** Calls `listener` when an outage begins, ends or changes its reason. */
  onChange(listener: () => void): void {
    this.#listeners.add(listener);
  }

  #notify(): void {
    for (const listener of this.#listeners) listener();
  }
}

const PLAIN: readonly (readonly [RegExp, string])[] = [
  [/\bECONNREFUSED\b/, "connection refused"],
  [/\bECONNRESET\b|\bEPIPE\b|socket hang up/, "connection reset"],
  [/\bEHOSTUNREACH\b/, "no route to host"],
  [/\bENETUNREACH\b/, "network is unreachable"],
  [/\bETIMEDOUT\b|\bDEADLINE_EXCEEDED\b/, "no answer in time"],
];

/** An error text of the system or a library in plain words; unknown texts unchanged. */
export function plainReason(text: string): string {
  return PLAIN.find(([pattern]) => pattern.test(text))?.[1] ?? text;
}
