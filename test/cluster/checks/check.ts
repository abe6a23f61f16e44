/** A check of Tweed on a real cluster, and its environment. */
import { Stopwatch } from "../../support/stopwatch.ts";
import type { Cluster } from "../cluster.ts";
import { type Backend, networkConfig } from "./installation.ts";
import { expectNoLoss, formatLosses, type Losses, Traffic } from "./traffic.ts";
import { findWorkload, type Workload } from "./workload.ts";

export interface ClusterCheck {
  readonly title: string;
  /** Whether the short selection includes it. */
  readonly isShort: boolean;
  /** @returns the result, for people @throws when the check fails */
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

  /** The current workload: pods created after a reboot have other networks. */
  workload(): Promise<Workload> {
    return findWorkload(this.cluster, this.signal);
  }

  /** Losses while `act` runs. */
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

/** In seconds with one decimal, for people. */
export async function timed(act: () => Promise<unknown>): Promise<string> {
  const watch = new Stopwatch();
  await act();
  return `${(watch.elapsedMs / 1000).toFixed(1)} s`;
}
