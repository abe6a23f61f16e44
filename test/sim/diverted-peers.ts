/** Whether daemons report the peers whose packets another program diverts. */
import type { Family, Prefix } from "../../src/net/index.ts";
import type { SimulatedTime } from "../support/simulated-time.ts";
import type { SimulatedHost } from "./host.ts";
import { walk } from "./walk.ts";

/** Notifications of routes and rules are looked at once a second at most. */
const NOTICED_MS = 3_000;

interface Begun {
  readonly to: SimulatedHost;
  readonly family: Family;
  readonly sinceMs: number;
  readonly life: unknown;
}

/** Takes the route or rule away. */
type Removal = () => void;

export class DivertedPeers {
  readonly #time: SimulatedTime;
  readonly #hosts: () => readonly SimulatedHost[];
  readonly #mustKnow: (on: SimulatedHost, subnet: Prefix) => boolean;
  readonly #report: (reason: string) => void;
  readonly #removals = new Map<SimulatedHost, Removal>();
  readonly #begun = new Map<SimulatedHost, Begun>();

  /** @param mustKnow whether a lease has this subnet, as the host has heard: pods may still have one of before */
  constructor(
    time: SimulatedTime,
    hosts: () => readonly SimulatedHost[],
    mustKnow: (on: SimulatedHost, subnet: Prefix) => boolean,
    report: (reason: string) => void,
  ) {
    this.#time = time;
    this.#hosts = hosts;
    this.#mustKnow = mustKnow;
    this.#report = report;
  }

  began(on: SimulatedHost, to: SimulatedHost, family: Family, remove: Removal): void {
    this.#removals.set(on, remove);
    this.#begun.set(on, { to, family, sinceMs: this.#time.nowMs, life: on.daemon?.life });
  }

  /** Its daemon need not notice the present diversion in time. */
  excuse(on: SimulatedHost): void {
    this.#begun.delete(on);
  }

  end(on: SimulatedHost): void {
    this.#removals.get(on)?.();
    this.#removals.delete(on);
  }

  /** To be called before the diversion ends: a daemon that was ready all the time must have noticed it. */
  judge(on: SimulatedHost): void {
    const begun = this.#begun.get(on);
    this.#begun.delete(on);
    if (begun === undefined || this.#time.nowMs - begun.sinceMs < NOTICED_MS) return;
    const subnet = begun.to.podSubnetOf(begun.family);
    if (subnet === null || !this.#mustKnow(on, subnet)) return;
    const { daemon, eventDelayMs, kernel } = on;
    const isSame = daemon !== null && daemon.life === begun.life && on.isReady && kernel.fault === null;
    if (!isSame || eventDelayMs > 0 || !kernel.hasDeliveredAll) return;
    const way = walk(on, begun.to, this.#hosts(), begun.family);
    const isDiverted =
      !way.arrives && (way.reason.includes("diverts") || way.reason.includes("leads by wg0"));
    if (!isDiverted) return;
    const { unreached, paths } = daemon.report;
    const isUnknown = !paths.some(({ peer }) => this.#isOf(peer, begun.to));
    const isReported = unreached.some(({ peer, code }) => {
      return code.startsWith("foreign-") && this.#isOf(peer, begun.to);
    });
    if (!isUnknown && !isReported)
      this.#report(`${on.name} does not report that ${begun.to.name} is diverted: ${way.reason}`);
  }

  #isOf(key: string, { name, podSubnet }: SimulatedHost): boolean {
    return key === name || key.startsWith(podSubnet?.replace("/", "-") ?? "none");
  }
}
