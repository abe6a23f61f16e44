/** Nodes that leave, join and change, at a fixed rate, as in a cluster under an autoscaler. */
import { setTimeout as sleep } from "node:timers/promises";
import type { ScaleStore } from "./scale-store.ts";
import type { SyntheticNode, SyntheticNodes } from "./synthetic-nodes.ts";

export const CHURN_A_SECOND = 50;
/** Leases that are written again without a change, as flannel renews them. */
const RENEWALS_A_SECOND = 5;
/** Nodes that have left, before the first of them joins again. */
const AWAY = 100;
const TICK_MS = 10;
/** Coprime to every number of nodes that is used, so that each node gets its turn. */
const STRIDE = 4007;

export class Churn {
  /** Changes that were written. */
  events = 0;
  readonly #nodes: SyntheticNodes;
  readonly #store: ScaleStore;
  readonly #away: number[] = [];
  readonly #writes = new Set<Promise<void>>();
  #next = 0;
  #failure: unknown = null;

  constructor(nodes: SyntheticNodes, store: ScaleStore) {
    this.#nodes = nodes;
    this.#store = store;
  }

  /** Resolves when the last change is written. */
  async run(forMs: number, signal: AbortSignal): Promise<void> {
    const startedMs = performance.now();
    let changes = 0;
    let renewals = 0;
    for (;;) {
      signal.throwIfAborted();
      if (this.#failure !== null) throw this.#failure;
      const elapsedMs = Math.min(forMs, performance.now() - startedMs);
      for (; changes < (elapsedMs * CHURN_A_SECOND) / 1000; changes++) this.#write(this.#change(changes));
      for (; renewals < (elapsedMs * RENEWALS_A_SECOND) / 1000; renewals++) {
        this.#write(this.#store.put(this.#choose()));
      }
      if (elapsedMs >= forMs) break;
      await sleep(TICK_MS);
    }
    await Promise.all(this.#writes);
    this.events += changes;
    if (this.#failure !== null) throw this.#failure;
  }

  /** Those that are away join again. */
  async end(): Promise<void> {
    for (const index of this.#away.splice(0)) await this.#join(index);
  }

  #change(count: number): Promise<void> {
    switch (count % 4) {
      case 0: {
        const { index } = this.#choose();
        this.#away.push(index);
        return this.#store.remove(this.#nodes.change(index, () => ({ isPresent: false })));
      }
      case 1: {
        const first = this.#away.length > AWAY ? this.#away.shift() : undefined;
        if (first !== undefined) return this.#join(first);
        return this.#changeMac();
      }
      case 2:
        return this.#changeMac();
      default: {
        const { index } = this.#choose();
        return this.#store.put(this.#nodes.change(index, ({ address }) => ({ address: address + 1 })));
      }
    }
  }

  #changeMac(): Promise<void> {
    return this.#store.put(this.#nodes.change(this.#choose().index, ({ mac }) => ({ mac: mac + 1 })));
  }

  /** On another host: with other addresses. */
  #join(index: number): Promise<void> {
    const joined = this.#nodes.change(index, ({ mac, address, boot }) => ({
      isPresent: true,
      mac: mac + 1,
      address: address + 1,
      boot: boot + 1,
    }));
    return this.#store.put(joined);
  }

  /** A node that is present. */
  #choose(): SyntheticNode {
    const { all } = this.#nodes;
    for (;;) {
      this.#next = (this.#next + STRIDE) % all.length;
      const node = all[this.#next];
      if (node?.isPresent) return node;
    }
  }

  #write(write: Promise<void>): void {
    const noted = write
      .catch((error: unknown) => {
        this.#failure ??= error;
      })
      .finally(() => this.#writes.delete(noted));
    this.#writes.add(noted);
  }
}
