import type { Namespace } from "./netns.ts";

const BURST = 2000;

export interface PingTally {
  readonly answered: number;
  readonly lost: number;
}

/**
 * Pings as fast as replies arrive, in consecutive bursts until the test stops it. A burst is always sent and answered
 * completely, so that no ping in flight counts as lost when the flood stops.
 */
export class PingFlood {
  readonly #from: Namespace;
  readonly #to: string;
  readonly #running: Promise<void>;
  #answered = 0;
  #lost = 0;
  #isStopping = false;

  private constructor(from: Namespace, to: string) {
    this.#from = from;
    this.#to = to;
    this.#running = this.#run();
    // `stop` throws the error; until then it must not count as unhandled.
    this.#running.catch(() => {});
  }

  /** Resolves at the first reply. */
  static async start(from: Namespace, to: string): Promise<PingFlood> {
    await from.exec("ping", "-q", "-c", "1", to);
    return new PingFlood(from, to);
  }

  /** Stops the flood. @returns the tally of all pings */
  async stop(): Promise<PingTally> {
    this.#isStopping = true;
    await this.#running;
    return { answered: this.#answered, lost: this.#lost };
  }

  async #run(): Promise<void> {
    while (!this.#isStopping) {
      const told = await this.#from.exec("ping", "-q", "-f", "-c", String(BURST), this.#to);
      const [, sent, received] = /(\d+) packets transmitted, (\d+) received/.exec(told)?.map(Number) ?? [];
      if (sent === undefined || received === undefined) throw new Error(`ping says: ${told}`);
      this.#answered += received;
      this.#lost += sent - received;
    }
  }
}
