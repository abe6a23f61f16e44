/** Executes a schedule of disturbances on a cluster, and records what it did when. */
import { setTimeout as sleep } from "node:timers/promises";
import { messageOf } from "../../../src/runtime/error.ts";
import { killDaemon } from "../checks/daemon-processes.ts";
import {
  changeConfiguration,
  networkConfig,
  nudgeKubelets,
  TWEED_NAMESPACE,
} from "../checks/installation.ts";
import type { Cluster } from "../cluster.ts";
import type { ClusterNode } from "../node.ts";
import { type ChaosAction, describeAction, type ScheduledAction } from "./chaos-schedule.ts";

export interface ChaosEvent {
  readonly kind: ChaosAction["kind"];
  readonly what: string;
  /** In milliseconds since the epoch. */
  readonly fromMs: number;
  readonly toMs: number;
  /** Why it failed; null if it succeeded. */
  readonly fault: string | null;
}

export class Chaos {
  readonly events: ChaosEvent[] = [];
  #backend: string | null = null;
  readonly #cluster: Cluster;
  readonly #stop = new AbortController();
  readonly #work: Promise<void>;

  /** @param schedule ordered by time, from now on */
  constructor(cluster: Cluster, schedule: Iterable<ScheduledAction>) {
    this.#cluster = cluster;
    this.#work = this.#run(schedule);
  }

  /** The last backend that it changed to; null before the first change. */
  get backend(): string | null {
    return this.#backend;
  }

  /** Resolves once the current action has ended, so that nothing stays stopped. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#work;
  }

  /** One at a time: an action that is due during another follows it. */
  async #run(schedule: Iterable<ScheduledAction>): Promise<void> {
    const startMs = performance.now();
    const { signal } = this.#stop;
    for (const { atMs, action } of schedule) {
      const waitMs = atMs - (performance.now() - startMs);
      if (waitMs > 0) await sleep(waitMs, undefined, { signal }).catch(() => {});
      if (signal.aborted) return;
      const fromMs = Date.now();
      const fault = await this.#act(action).then(() => null, messageOf);
      this.events.push({
        ...{ kind: action.kind, what: describeAction(action) },
        ...{ fromMs, toMs: Date.now(), fault },
      });
    }
  }

  async #act(action: ChaosAction): Promise<void> {
    const { controlPlane } = this.#cluster;
    const { families } = this.#cluster.options;
    switch (action.kind) {
      case "switch":
        await changeConfiguration(this.#cluster, networkConfig({ families, backend: action.backend }));
        this.#backend = action.backend.Type;
        return nudgeKubelets(this.#cluster);
      case "restart-daemons": {
        const words = ["rollout", "restart", "daemonset/kube-tweed", `--namespace=${TWEED_NAMESPACE}`];
        await this.#cluster.kubectl(words);
        return;
      }
      case "restart-kubelet":
        return this.#node(action.node).restartKubelet();
      case "kill-daemon":
        return killDaemon(this.#node(action.node).machine);
      case "api-server-away":
        await controlPlane.stopApiServer();
        await sleep(action.durationMs);
        return controlPlane.startApiServer();
    }
  }

  #node(index: number): ClusterNode {
    const node = this.#cluster.nodes[index];
    if (node === undefined) throw new Error(`the cluster has no node ${index + 1}`);
    return node;
  }
}
