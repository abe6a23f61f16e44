/**
 * The kernel of a host as one run of a daemon uses it: every operation is a step at which the daemon may be killed, what
 * the kernel has executed stays, and notifications may be late.
 */
import type { Kernel, KernelChange } from "../../src/kernel/kernel.ts";
import type { ObservedRule, ObservedState } from "../../src/kernel/observed.ts";
import type { Operation, Outcome } from "../../src/kernel/operation.ts";
import type { Ip } from "../../src/net/index.ts";
import type { FakeKernel } from "../support/fake-kernel.ts";
import type { SimulatedTime } from "../support/simulated-time.ts";
import type { Life } from "./life.ts";

export class LifeKernel implements Kernel {
  /** How late each notification is. */
  delayMs = 0;
  /** TUN devices that this process created; they go with it. */
  readonly tuns = new Set<string>();
  readonly #kernel: FakeKernel;
  readonly #life: Life;
  readonly #time: SimulatedTime;
  #deliveredAtMs = 0;

  constructor(kernel: FakeKernel, life: Life, time: SimulatedTime) {
    this.#kernel = kernel;
    this.#life = life;
    this.#time = time;
  }

  observe(): Promise<ObservedState> {
    return this.#call(() => this.#kernel.observe());
  }
  observeRules(): Promise<readonly ObservedRule[]> {
    return this.#call(() => this.#kernel.observeRules());
  }
  ping(): Promise<void> {
    return this.#call(() => this.#kernel.ping());
  }
  routeTo(ip: Ip): ReturnType<Kernel["routeTo"]> {
    return this.#call(() => this.#kernel.routeTo(ip));
  }

  async apply(operations: readonly Operation[]): Promise<readonly Outcome[]> {
    await this.#life.step();
    // The kernel takes as many as arrive before the daemon is killed.
    const taken: Operation[] = [];
    for (const operation of operations) {
      if (this.#life.isOver) break;
      taken.push(operation);
      if (operation.op === "create-link" && operation.link.kind === "tun") this.tuns.add(operation.link.name);
      void this.#life.step();
    }
    return this.#life.result(this.#kernel.apply(taken));
  }

  async subscribe(onChange: (change: KernelChange) => void, signal: AbortSignal): Promise<void> {
    await this.#life.step();
    const ended = new AbortController();
    const end = () => ended.abort();
    signal.addEventListener("abort", end, { once: true });
    this.#life.onEnd(end);
    const deliver = this.#life.guarded(onChange);
    await this.#kernel.subscribe((change) => this.#deliver(change, deliver), ended.signal);
  }

  /** In order, also after the delay has changed. */
  #deliver(change: KernelChange, deliver: (change: KernelChange) => void): void {
    const { nowMs } = this.#time;
    const atMs = Math.max(nowMs + this.delayMs, this.#deliveredAtMs);
    if (atMs <= nowMs) {
      deliver(change);
      return;
    }
    this.#deliveredAtMs = atMs;
    this.#time.wakeAt(atMs, () => deliver(change));
  }

  async #call<T>(call: () => Promise<T>): Promise<T> {
    await this.#life.step();
    return this.#life.result(call());
  }
}
