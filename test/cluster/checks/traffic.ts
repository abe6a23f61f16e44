/**
 * Pings every 10 ms between all pods of different nodes, and requests to services, during a disturbance of the cluster.
 */
import { familyOf } from "../../../src/net/index.ts";
import type { ProbeResult } from "../../../src/probe/tally.ts";
import { SteadyPings } from "../../support/steady-pings.ts";
import { urlHost } from "../address-plan.ts";
import { type RequestTally, SteadyRequests } from "./requests.ts";
import { podSender } from "./ways.ts";
import { SERVICE_PORT, type Workload } from "./workload.ts";

const PING_INTERVAL_MS = 10;
const REQUEST_INTERVAL_MS = 100;

export interface Losses {
  readonly pings: number;
  readonly pingsLost: number;
  /** The longest run of lost pings between two pods. */
  readonly longestLoss: number;
  readonly requests: number;
  readonly requestsFailed: number;
  /** Reasons of the first failed requests. */
  readonly reasons: readonly string[];
}

export class Traffic {
  readonly #pings: SteadyPings;
  readonly #requests: readonly SteadyRequests[];

  private constructor(pings: SteadyPings, requests: readonly SteadyRequests[]) {
    this.#pings = pings;
    this.#requests = requests;
  }

  /** With `names` only between the pods of these nodes; the services of the requests select ready pods themselves. */
  static async start(workload: Workload, names: readonly string[] | null = null): Promise<Traffic> {
    const pods = workload.pods.filter(({ node }) => names === null || names.includes(node.name));
    const sources = pods.map((pod) => ({
      namespace: pod.netns,
      targets: pods.filter((other) => other !== pod).flatMap(({ addresses }) => addresses),
    }));
    const urls = workload.services.anywhere.ips.map((ip) => `http://${urlHost(ip)}:${SERVICE_PORT}/hostname`);
    const pings = await SteadyPings.start(sources, PING_INTERVAL_MS);
    const started = pods.map((pod) => SteadyRequests.start(podSender(pod), urls, REQUEST_INTERVAL_MS));
    return new Traffic(pings, await Promise.all(started));
  }

  async stop(): Promise<Losses> {
    const requests = (await Promise.all(this.#requests.map((each) => each.stop()))).flat();
    return lossesOf((await this.#pings.stop()).flat(), requests);
  }
}

export function lossesOf(pings: readonly ProbeResult[], requests: readonly RequestTally[]): Losses {
  const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
  return {
    pings: sum(pings.map(({ sent }) => sent)),
    pingsLost: sum(pings.map(({ lost }) => lost)),
    longestLoss: Math.max(0, ...pings.map((each) => each.longestLoss)),
    requests: sum(requests.map(({ sent }) => sent)),
    requestsFailed: sum(requests.map(({ failed }) => failed)),
    reasons: [
      ...pings
        .filter(({ lost }) => lost > 0)
        .map(({ target, lost, sent }) => `${lost} of ${sent} pings to ${target} (${familyOf(target)})`),
      ...requests.flatMap(({ url, reasons }) => reasons.map((reason) => `${url}: ${reason}`)),
    ],
  };
}

export function formatLosses(losses: Losses): string {
  const { pings, pingsLost, longestLoss, requests, requestsFailed, reasons } = losses;
  const counts = `${pingsLost} of ${pings} pings lost (${longestLoss} in a row), ${requestsFailed} of ${requests} requests failed`;
  return reasons.length === 0 ? counts : `${counts}: ${reasons.slice(0, 6).join("; ")}`;
}

/** @throws with the counts if anything was lost */
export function expectNoLoss(losses: Losses): void {
  if (losses.pings === 0 || losses.requests === 0) throw new Error("nothing was sent");
  if (losses.pingsLost + losses.requestsFailed > 0) throw new Error(formatLosses(losses));
}
