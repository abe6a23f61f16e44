/** The clock of one run of a daemon: nobody wakes up after its end, and while the host is paused only time passes. */
import type { Clock, Timer } from "../../../src/runtime/clock.ts";
import { NodeClock } from "../../support/simulated-time.ts";
import type { Life } from "../life.ts";
import type { EtcdNetwork } from "./etcd-network.ts";

export class HostClock implements Clock {
  readonly #network: EtcdNetwork;
  readonly #host: string;
  readonly #life: Life;
  readonly #clock: NodeClock;

  constructor(network: EtcdNetwork, host: string, life: Life) {
    this.#network = network;
    this.#host = host;
    this.#life = life;
    this.#clock = new NodeClock(network.time);
  }

  nowMs(): number {
    return this.#clock.nowMs();
  }

  wallMs(): number {
    return this.#clock.wallMs();
  }

  startTimer(ms: number, onDue: () => void): Timer {
    let isCancelled = false;
    const fire = this.#life.guarded(() => {
      if (!isCancelled) onDue();
    });
    const timer = this.#clock.startTimer(ms, () => this.#network.whenRunning(this.#host, fire));
    const cancel = () => {
      isCancelled = true;
      timer.cancel();
    };
    return { cancel };
  }

  turn(): Promise<void> {
    return this.#clock.turn();
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    const slept = this.#clock.sleep(ms, signal);
    return new Promise((resolve, reject) => {
      const settle = (act: () => void) => this.#network.whenRunning(this.#host, this.#life.guarded(act));
      slept.then(
        () => settle(resolve),
        (error: unknown) => settle(() => reject(error)),
      );
    });
  }
}
