/** A daemon reduced to its store: it follows the snapshots, and publishes and holds a lease as the agent does. */
import { withRetries } from "../../../src/agent/with-retries.ts";
import { parseNetworkConfig } from "../../../src/config/network-config.ts";
import type { Lease, LeaseContent, LeaseSnapshot } from "../../../src/lease/lease.ts";
import type { LeaseStore } from "../../../src/lease/store.ts";
import type { Ipv4 } from "../../../src/net/index.ts";
import { Backoff } from "../../../src/runtime/backoff.ts";
import type { Files } from "../../../src/runtime/files.ts";
import { Latest } from "../../../src/runtime/latest.ts";
import type { Random } from "../../../src/runtime/random.ts";
import { NO_SUBNETS } from "../../support/lease-fixtures.ts";
import { MemoryFiles } from "../../support/memory-files.ts";
import { RecordingLog } from "../../support/recording-log.ts";
import { seededRandom } from "../../support/seeded-random.ts";
import { NodeClock, type SimulatedTime } from "../../support/simulated-time.ts";
import { Life } from "../life.ts";
import { LifeClock } from "../life-clock.ts";
import type { SimulatedStore } from "../store.ts";

const STABLE_MS = 10_000;
const CONTENTION = { firstMs: 100, maxMs: 5_000 };

export class StoreDaemon {
  readonly name: string;
  readonly log = new RecordingLog();
  readonly life = new Life();
  snapshot: LeaseSnapshot | null = null;
  /** The lease that the store has acknowledged, until it reports the loss. */
  held: Lease | null = null;
  losses = 0;
  /** An error that would end a real daemon. */
  failure: unknown = null;
  readonly #clock: LifeClock;
  readonly #random: Random;
  readonly #files: Files = new MemoryFiles();
  readonly #stop = new AbortController();
  #content: LeaseContent;
  #outdated = new AbortController();
  #store: LeaseStore | null = null;
  #running: Promise<unknown> = Promise.resolve();

  constructor(name: string, content: LeaseContent, time: SimulatedTime, seed: number) {
    this.name = name;
    this.#content = content;
    this.#clock = new LifeClock(new NodeClock(time), time, this.life);
    this.#random = seededRandom(seed);
  }

  /** How many of its waits are for a time. */
  get sleepers(): number {
    return this.#clock.sleepers;
  }

  get content(): LeaseContent {
    return this.#content;
  }

  async start(store: SimulatedStore, ip: Ipv4): Promise<void> {
    const { name, log, life } = this;
    const host = { name, ip, log, life, clock: this.#clock, random: this.#random, files: this.#files };
    this.#store = await store.open(host);
    this.#running = this.#run(this.#store).catch((error: unknown) => {
      if (!this.#stop.signal.aborted) this.failure ??= error;
    });
  }

  publish(content: LeaseContent): void {
    this.#content = content;
    const outdated = this.#outdated;
    this.#outdated = new AbortController();
    outdated.abort();
  }

  async stop(): Promise<void> {
    if (this.life.isOver) return;
    this.#stop.abort(new Error("the daemon stops"));
    await this.#running;
    await this.#store?.close();
    this.life.end();
  }

  /** As SIGKILL: nothing more of it reaches the store. */
  kill(): void {
    this.life.end();
  }

  /** As the agent, which asks for the addresses first, again and again: then the store knows its Node. */
  async #run(store: LeaseStore): Promise<unknown> {
    const { signal } = this.#stop;
    const around = { clock: this.#clock, random: this.#random };
    await withRetries(
      async () => store.publicIps?.(signal),
      around,
      () => {},
      signal,
    );
    return Promise.all([this.#follow(store), this.#maintain(store)]);
  }

  async #follow(store: LeaseStore): Promise<void> {
    for await (const snapshot of store.snapshots(this.#stop.signal)) {
      if (!this.life.isOver) this.snapshot = snapshot;
    }
  }

  async #maintain(store: LeaseStore): Promise<void> {
    const { signal } = this.#stop;
    const configurations = new Latest<string>();
    void this.#readConfigurations(store, configurations);
    const text = await configurations.take(signal);
    const config = parseNetworkConfig(text, "net-conf.json", { onIgnored: () => {} });
    const around = { clock: this.#clock, random: this.#random };
    const contention = new Backoff({ ...CONTENTION, random: this.#random });
    store.networkIsUp?.();
    for (;;) {
      const outdated = this.#outdated.signal;
      const content = this.#content;
      const either = AbortSignal.any([signal, outdated]);
      const request = { config, content, held: this.held, previousSubnets: NO_SUBNETS };
      try {
        const held = await withRetries(
          () => store.acquire(request, either),
          around,
          () => {},
          either,
        );
        this.held = held.lease;
        const sinceMs = this.#clock.nowMs();
        await store.holdUntilLost(held, either);
        this.held = null;
        this.losses += 1;
        // As the agent: a lease that is lost at once is not acquired again at once for ever.
        if (this.#clock.nowMs() - sinceMs < STABLE_MS) await this.#clock.sleep(contention.nextMs(), either);
        else contention.reset();
      } catch (error) {
        signal.throwIfAborted();
        if (!outdated.aborted) throw error;
      }
    }
  }

  async #readConfigurations(store: LeaseStore, newest: Latest<string>): Promise<void> {
    try {
      for await (const text of store.configurations(this.#stop.signal)) newest.put(text);
    } catch (error) {
      if (!this.#stop.signal.aborted) this.failure ??= error;
    }
  }
}
