/** A check of Tweed on a real cluster, and what it works with. */
import { Stopwatch } from "../../support/stopwatch.ts";
import type { Cluster } from "../cluster.ts";
import { type Backend, networkConfig } from "./installation.ts";
import { expectNoLoss, formatLosses, type Losses, Traffic } from "./traffic.ts";
import { findWorkload, type Workload } from "./workload.ts";

export interface ClusterCheck {
  readonly title: string;
  /** Whether the short selection has it too. */
  readonly isShort: boolean;
  /** @returns what was seen, for the reader @throws when it is not as it should be */
  readonly run: (bed: CheckBed) => Promise<string>;
}

export class CheckBed {
  readonly cluster: Cluster;
  readonly signal: AbortSignal;
  /** Name of Tweed's image on the nodes. */
  readonly image: string;

  constructor(cluster: Cluster, image: string, signal: AbortSignal) {
    this.cluster = cluster;
    this.image = image;
    this.signal = signal;
  }

  config(backend: Backend): string {
    return networkConfig({ families: this.cluster.options.families, backend });
  }

  /** As it is now: pods that came after a reboot have other networks. */
  workload(): Promise<Workload> {
    return findWorkload(this.cluster, this.signal);
  }

  /** What is lost while `act` runs. */
  async losses(act: () => Promise<unknown>, nodes: readonly string[] | null = null): Promise<Losses> {
    const traffic = await Traffic.start(await this.workload(), nodes);
    try {
      await act();
    } catch (error) {
      await traffic.stop();
      throw error;
    }
    return traffic.stop();
  }

  /** @throws when anything is lost while `act` runs */
  async withoutLoss(act: () => Promise<unknown>): Promise<string> {
    const losses = await this.losses(act);
    expectNoLoss(losses);
    return formatLosses(losses);
  }
}

/** In seconds with one digit, for the reader. */
export async function timed(act: () => Promise<unknown>): Promise<string> {
  const watch = new Stopwatch();
  await act();
  return `${(watch.elapsedMs / 1000).toFixed(1)} s`;
}
