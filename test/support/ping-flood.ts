import type { Namespace } from "./netns.ts";

const BURST = 2000;

export interface PingTally {
  readonly answered: number;
  readonly lost: number;
}

/**
 * Pings as fast as they are answered, in bursts that follow each other until a test has seen enough. A burst is sent and
 * answered to its end, so that none is under way, and taken for lost, when the flood stops.
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
    // Thrown when it is stopped; until then it is not unhandled.
    this.#running.catch(() => {});
  }

  /** Resolves when the first one is answered. */
  static async start(from: Namespace, to: string): Promise<PingFlood> {
    await from.exec("ping", "-q", "-c", "1", to);
    return new PingFlood(from, to);
  }

  /** What became of all of them. */
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
