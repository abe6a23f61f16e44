/** Whether the store answers, as the requests to it tell. */
import type { Clock } from "../runtime/clock.ts";

export interface StoreOutage {
  /** In words that name the store: "etcd at 192.0.2.7:2379 does not answer: connection refused". */
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

  /** null while the store answers, and before it was asked. */
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

  /** Calls back whenever the outage has begun, ended or has another reason. */
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

/** What the system or a library said, in the words that people know; anything else as it is. */
export function plainReason(text: string): string {
  return PLAIN.find(([pattern]) => pattern.test(text))?.[1] ?? text;
}
