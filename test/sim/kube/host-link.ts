/** The network between one host and the API server, with its faults. */
import type { Random } from "../../../src/runtime/random.ts";
import type { SimulatedTime } from "../../support/simulated-time.ts";
import type { SimulatedExchange } from "./simulated-exchange.ts";

/** Node's TCP keepalive in `node-http.ts`: after this long without an acknowledgement a connection breaks. */
const KEEP_ALIVE_MS = 20_000;
/** TCP retransmits what a partition held at growing intervals: it arrives so much after its end at most. */
const RETRANSMISSION_MS = 2_000;
/** In 1/1024 ms, which floating point adds up without an error: two sums for one moment are equal. */
const LATENCY = { least: 102, most: 1_638 };

/** How a partition shows: packets vanish, or the host has no route. */
export type Cut = "dropping" | "rejecting";

export class HostLink {
  readonly host: string;
  /** Connections that are open. */
  readonly exchanges = new Set<SimulatedExchange>();
  watchDelayMs = 0;
  readonly #time: SimulatedTime;
  readonly #random: Random;
  #cut: Cut | null = null;
  #cuts = 0;
  #isWatchSilent = false;
  /** Requests that a partition holds. */
  #held: (() => void)[] = [];

  constructor(host: string, time: SimulatedTime, random: Random) {
    this.host = host;
    this.#time = time;
    this.#random = random;
  }

  get cut(): Cut | null {
    return this.#cut;
  }

  set cut(cut: Cut | null) {
    if (this.#cut === cut) return;
    this.#cut = cut;
    this.#cuts += 1;
    const number = this.#cuts;
    if (cut === null) this.#restore();
    else
      this.#time.wakeAt(this.#time.nowMs + KEEP_ALIVE_MS, () => {
        if (this.#cuts === number) this.#expire();
      });
  }

  get isWatchSilent(): boolean {
    return this.#isWatchSilent;
  }

  set isWatchSilent(isSilent: boolean) {
    this.#isWatchSilent = isSilent;
    if (!isSilent) this.resume();
  }

  latencyMs(): number {
    return (LATENCY.least + this.#random.below(LATENCY.most - LATENCY.least)) / 1_024;
  }

  /** Takes a request to the server; a partition holds or refuses it. */
  transmit(exchange: SimulatedExchange, arrive: () => void): void {
    this.#time.wakeAt(this.#time.nowMs + this.latencyMs(), () => {
      if (this.#cut === null) arrive();
      else if (this.#cut === "rejecting") exchange.fail(new Error("connect EHOSTUNREACH"));
      else this.#held.push(arrive);
    });
  }

  /** Delivers what was held back, if nothing else holds it. */
  resume(): void {
    for (const exchange of this.exchanges) exchange.resume();
  }

  #restore(): void {
    this.#time.wakeAt(this.#time.nowMs + this.#random.below(RETRANSMISSION_MS), () => {
      if (this.#cut !== null) return;
      const held = this.#held;
      this.#held = [];
      for (const arrive of held) arrive();
      this.resume();
    });
  }

  #expire(): void {
    for (const exchange of this.exchanges) exchange.expire(KEEP_ALIVE_MS);
  }
}
