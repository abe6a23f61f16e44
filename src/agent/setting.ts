/** Looks at the host, and at what an earlier daemon left here and in the store, before the first lease. */
import type { LocalHost } from "../../backends/backend.ts";
import type { UnderlayOptions } from "../config/daemon-options.ts";
import type { Kernel } from "../kernel/kernel.ts";
import type { LeaseContent } from "../lease/lease.ts";
import type { LeaseStore } from "../lease/store.ts";
import type { DualIp, DualStack, Mac } from "../net/index.ts";
import { Backoff } from "../runtime/backoff.ts";
import type { Clock } from "../runtime/clock.ts";
import { isRetryable, messageOf } from "../runtime/error.ts";
import type { Log } from "../runtime/log.ts";
import type { Random } from "../runtime/random.ts";
import { type ActiveBackend, enabledFamilies } from "./active-backend.ts";
import type { Configuration } from "./configuration.ts";
import { type SelectedInterface, selectInterface } from "./interface-selection.ts";
import { chooseMacs, networksOf, underlayRoutes } from "./local-host.ts";
import { type PreviousSubnetEnv, readSubnetEnv } from "./subnet-env.ts";

/** What stays for the life of the process. */
export interface Setting extends Configuration {
  /** Why a family of the network is left out on this node; empty when none is. */
  readonly missingFamilies: readonly string[];
  /** Replaced when the routes of the underlay change. */
  host: LocalHost;
  readonly content: LeaseContent;
  readonly podMtuBytes: number;
  readonly previous: PreviousSubnetEnv;
}

export interface Surroundings {
  readonly store: LeaseStore;
  readonly kernel: Kernel;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

const FAMILY_GRACE_MS = 3000;
const FAMILY_POLL_MS = 100;
const RETRY = { firstMs: 100, maxMs: 10_000 };

/**
 * @param onFault told why there is no interface yet; that is waited out
 * @throws TweedError `unsuitable-host` when the backend cannot work on this host
 */
export async function settle(
  { config, backend }: Configuration,
  options: { readonly underlay: UnderlayOptions; readonly subnetFile: string },
  surroundings: Surroundings,
  onFault: (reason: string) => void,
  signal: AbortSignal,
): Promise<Setting> {
  const { kernel, random, log } = surroundings;
  const previous = await readSubnetEnv(options.subnetFile);
  for (const reason of previous.faults) log.warn({ op: "read-subnet-file", reason }, "line skipped");

  const choose = () => chooseInterface({ config, backend }, options.underlay, kernel);
  const selected = await untilItWorks(
    () => withEveryFamily(choose, surroundings, signal),
    surroundings,
    onFault,
    signal,
  );
  announce(selected, log);

  const { iface, publicIps } = selected;
  const networks = networksOf(config);
  const published = await publishedMacs(backend, publicIps, previous, surroundings, signal);
  const observed = await kernel.observe();
  const macs = chooseMacs(published, backend.devices, observed.links, random);
  const host = { iface, publicIps, networks, macs, underlay: underlayRoutes(observed.routes, networks) };
  const { data, mtuBytes } = backend.endpoint(host);
  const content: LeaseContent = { publicIps, offers: [{ type: backend.type, data }] };
  const missingFamilies = selected.missing.map((family) => family.reason);
  return { config, backend, host, content, podMtuBytes: mtuBytes, previous, missingFamilies };
}

/** At boot IPv6 addresses are still being checked for duplicates (RFC 4862 section 5.4), which takes a second or two. */
async function withEveryFamily(
  choose: () => Promise<SelectedInterface>,
  { clock }: Pick<Surroundings, "clock">,
  signal: AbortSignal,
): Promise<SelectedInterface> {
  const deadlineMs = clock.nowMs() + FAMILY_GRACE_MS;
  for (;;) {
    const selected = await choose();
    if (selected.missing.length === 0 || clock.nowMs() >= deadlineMs) return selected;
    await clock.sleep(FAMILY_POLL_MS, signal);
  }
}

async function chooseInterface(
  { config, backend }: Configuration,
  options: UnderlayOptions,
  kernel: Kernel,
): Promise<SelectedInterface> {
  const own = [backend.devices.v4, backend.devices.v6].filter((name) => name !== null);
  const ownDevices = new Set([...own, "cni0"]);
  const state = await kernel.observe();
  return selectInterface({ state, families: enabledFamilies(config), options, ownDevices }, (ip) =>
    kernel.routeTo(ip),
  );
}

async function publishedMacs(
  backend: ActiveBackend,
  publicIps: DualIp,
  previous: PreviousSubnetEnv,
  { store }: Surroundings,
  signal: AbortSignal,
): Promise<DualStack<Mac>> {
  const none = { v4: null, v6: null };
  const content: LeaseContent = { publicIps, offers: [{ type: backend.type, data: none }] };
  const lease = await store.previous({ content, previousSubnets: previous.subnets }, signal);
  const offer = lease?.offers.find((each) => each.type === backend.type);
  return offer === undefined ? none : backend.publishedMacs(offer.data);
}

/** Tries again while the error says that it may help, and tells each new reason. */
export async function untilItWorks<T>(
  attempt: () => Promise<T>,
  { clock, random }: Pick<Surroundings, "clock" | "random">,
  onFault: (reason: string) => void,
  signal: AbortSignal,
): Promise<T> {
  const backoff = new Backoff({ ...RETRY, random });
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      signal.throwIfAborted();
      if (!isRetryable(error)) throw error;
      onFault(messageOf(error));
      await clock.sleep(backoff.nextMs(), signal);
    }
  }
}

function announce(selected: SelectedInterface, log: Log): void {
  const { iface, publicIps, rule, missing, notes } = selected;
  const found = {
    op: "choose-interface",
    iface: iface.name,
    publicIp: publicIps,
    mtuBytes: iface.mtuBytes,
    rule,
  };
  log.info(found, "interface chosen");
  for (const { family, reason } of missing) {
    log.warn({ op: "choose-interface", family, reason }, "this family is left out");
  }
  for (const reason of notes) log.info({ op: "choose-interface", reason }, "on the way to the interface");
}
