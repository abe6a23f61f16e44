/** The route table of a cloud, as an effector: each change takes time, and fails when a test says so. */
import type { EffectFault, Effector } from "../../backends/effector.ts";
import type { Clock } from "../../src/runtime/clock.ts";
import { messageOf } from "../../src/runtime/error.ts";
import { Latest } from "../../src/runtime/latest.ts";
import type { CloudRoutes } from "./cloud-backend.ts";

/** Latency of an answer. */
const LATENCY_MS = 3000;

export class FakeRouteTable implements Effector<CloudRoutes> {
  readonly type = "cloud";
  readonly condition = "routeTable";
  readonly pending = "the route table of the cloud is being written";
  /** The routes in the cloud. */
  routes: CloudRoutes = {};
  /** While true, a change does not complete. */
  isSlow = false;
  /** The reason for refusing the next changes; null accepts them. */
  refusal: string | null = null;
  /** Ends with this internal error, once. */
  crash: string | null = null;
  readonly #clock: Clock;
  readonly #newest = new Latest<ReadonlyMap<string, CloudRoutes>>();
  readonly #listeners = new Set<() => void>();
  readonly #settled = new Set<string>();
  #faults: readonly EffectFault[] = [];

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  setDesired(effects: ReadonlyMap<string, CloudRoutes>): void {
    for (const [channel, routes] of effects)
      if (JSON.stringify(routes) !== JSON.stringify(this.routes)) this.#settled.delete(channel);
    this.#newest.put(effects);
  }
  isApplied(channel: string): boolean {
    return this.#settled.has(channel);
  }
  faults(): readonly EffectFault[] {
    return this.#faults;
  }
  status() {
    return { routes: this.routes };
  }
  onChange(listener: () => void): void {
    this.#listeners.add(listener);
  }

  async run(signal: AbortSignal): Promise<never> {
    for (;;) {
      const effects = await this.#newest.take(signal);
      if (this.crash !== null) {
        const reason = this.crash;
        this.crash = null;
        this.#newest.put(effects);
        throw new Error(reason);
      }
      for (const [channel, routes] of effects) await this.#write(channel, routes, signal);
    }
  }

  /** Retries until it succeeds, or a newer effect replaces it. */
  async #write(channel: string, routes: CloudRoutes, signal: AbortSignal): Promise<void> {
    for (;;) {
      do await this.#clock.sleep(LATENCY_MS, signal);
      while (this.isSlow);
      try {
        if (this.refusal !== null) throw new Error(this.refusal);
        this.routes = routes;
        this.#faults = [];
        this.#settled.add(channel);
        return this.#notify();
      } catch (error) {
        this.#faults = [{ channel, reason: messageOf(error) }];
        this.#notify();
      }
    }
  }

  #notify(): void {
    for (const listener of this.#listeners) listener();
  }
}
