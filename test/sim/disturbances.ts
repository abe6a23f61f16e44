/** Which hosts have a cause not to work at present: the oracle judges the others. */
import type { SimulatedTime } from "../support/simulated-time.ts";
import { CATCH_UP_MS } from "./grace.ts";

interface Disturbed {
  /** From when to when its kernel or its link cannot do what the daemon wants. */
  fromMs: number;
  untilMs: number;
  /** From when to when it could not learn of changes in the store. */
  blindFromMs: number;
  blindUntilMs: number;
  /** Its daemon does not run, or has not started completely. */
  isShut: boolean;
  /** From a cold start until it is ready. */
  awaitsReady: boolean;
  coldReadyAtMs: number;
}

export class Disturbances {
  /** Called at the end of each, when the oracle has to judge again. */
  onEnd: () => void = () => {};
  readonly #time: SimulatedTime;
  readonly #hosts: readonly Disturbed[];

  constructor(hosts: number, time: SimulatedTime) {
    this.#time = time;
    this.#hosts = Array.from({ length: hosts }, () => {
      return {
        fromMs: 0,
        untilMs: 0,
        blindFromMs: Number.NEGATIVE_INFINITY,
        blindUntilMs: Number.NEGATIVE_INFINITY,
        isShut: false,
        awaitsReady: true,
        coldReadyAtMs: Number.NEGATIVE_INFINITY,
      };
    });
  }

  disturb(host: number, forMs: number): void {
    const disturbed = this.#of(host);
    const untilMs = this.#time.nowMs + forMs;
    if (untilMs <= disturbed.untilMs) return;
    if (this.#time.nowMs > disturbed.untilMs) disturbed.fromMs = this.#time.nowMs;
    disturbed.untilMs = untilMs;
    this.#time.wakeAt(untilMs, () => this.onEnd());
  }

  /** The host does not receive changes of the store for this time. */
  blind(host: number, forMs: number): void {
    const disturbed = this.#of(host);
    const { nowMs } = this.#time;
    if (!disturbed.isShut && nowMs > disturbed.blindUntilMs + CATCH_UP_MS) disturbed.blindFromMs = nowMs;
    disturbed.blindUntilMs = Math.max(disturbed.blindUntilMs, nowMs + forMs);
  }

  /** @param startMs what a daemon takes to catch up after it has started */
  setShut(host: number, isShut: boolean, startMs: number): void {
    const disturbed = this.#of(host);
    if (disturbed.isShut === isShut) return;
    // Up to now, and from now on.
    this.blind(host, isShut ? 0 : startMs);
    // What it had heard before, or found damaged, and could not do yet, the next daemon does.
    if (isShut && this.#time.nowMs <= disturbed.untilMs) {
      disturbed.blindFromMs = Math.min(disturbed.blindFromMs, disturbed.fromMs);
      disturbed.awaitsReady = true;
    }
    disturbed.isShut = isShut;
  }

  awaitReady(host: number): void {
    this.#of(host).awaitsReady = true;
  }

  becameReady(host: number): void {
    const disturbed = this.#of(host);
    if (!disturbed.awaitsReady) return;
    disturbed.awaitsReady = false;
    disturbed.coldReadyAtMs = this.#time.nowMs;
    this.disturb(host, CATCH_UP_MS);
  }

  /** When the host was ready last after a start at which it did not know what it had offered before. */
  coldReadyAtMs(host: number): number {
    return this.#of(host).coldReadyAtMs;
  }

  isDisturbed(host: number): boolean {
    const { untilMs, awaitsReady } = this.#of(host);
    return awaitsReady || this.#time.nowMs < untilMs;
  }

  /** Until when the host may not know of a change in the store at that time. */
  unknownUntilMs(host: number, changedAtMs: number): number {
    return Math.max(changedAtMs + CATCH_UP_MS, this.blindUntilMs(host, changedAtMs));
  }

  /** Whether the host receives changes later than PROPAGATION_DELAY_MS, within which both ends of a path switch. */
  isLate(host: number): boolean {
    const { isShut, blindUntilMs } = this.#of(host);
    return isShut || this.#time.nowMs < blindUntilMs + CATCH_UP_MS;
  }

  /** Until when the host could not learn of a change at that time; the distant past where it could. */
  blindUntilMs(host: number, changedAtMs: number): number {
    const { blindFromMs, isShut, ...disturbed } = this.#of(host);
    const blindUntilMs = isShut ? Number.POSITIVE_INFINITY : disturbed.blindUntilMs;
    const wasBlind = changedAtMs >= blindFromMs - CATCH_UP_MS && changedAtMs <= blindUntilMs;
    return wasBlind ? blindUntilMs + CATCH_UP_MS : Number.NEGATIVE_INFINITY;
  }

  /** As {@link blindUntilMs}, where the host had learned of nothing for so long by then. */
  blindForUntilMs(host: number, changedAtMs: number, forMs: number): number {
    const isLong = changedAtMs - this.#of(host).blindFromMs >= forMs;
    return isLong ? this.blindUntilMs(host, changedAtMs) : Number.NEGATIVE_INFINITY;
  }

  #of(host: number): Disturbed {
    const disturbed = this.#hosts[host];
    if (disturbed === undefined) throw new RangeError(`there is no host ${host}`);
    return disturbed;
  }
}
