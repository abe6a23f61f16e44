/** Finds out what this node is: its interface and addresses, now and whenever they change. */
import { isDeepStrictEqual } from "node:util";
import type { Backend, LocalHost } from "../../../backends/backend.ts";
import type { Identities } from "../../../backends/identity.ts";
import type { UnderlayOptions } from "../../config/daemon-options.ts";
import type { Kernel } from "../../kernel/kernel.ts";
import type { ObservedState } from "../../kernel/observed.ts";
import { DEVICE_NAME } from "../../kernel/reconcile/ownership.ts";
import type { HostIdentity } from "../../lease/host-identity.ts";
import type { Lease, LeaseContent } from "../../lease/lease.ts";
import type { LeaseStore } from "../../lease/store.ts";
import type { DualIp, DualPrefix } from "../../net/index.ts";
import type { Clock } from "../../runtime/clock.ts";
import type { Files } from "../../runtime/files.ts";
import type { Log } from "../../runtime/log.ts";
import type { Random } from "../../runtime/random.ts";
import type { Configuration } from "../configuration/configuration.ts";
import { adoptIdentities } from "../identity/adopted-identities.ts";
import { type ActiveBackend, enabledFamilies } from "../switch-over/active-backend.ts";
import { untilItWorks } from "../until-it-works.ts";
import { InterfaceMemory } from "./interface-memory.ts";
import { type SelectedInterface, selectInterface } from "./interface-selection.ts";
import { networksOf, nobodysIps, underlayRoutes } from "./local-host.ts";
import { withoutNarrowFamilies } from "./narrow-families.ts";

export interface Surroundings {
  readonly store: LeaseStore;
  readonly kernel: Kernel;
  readonly files: Files;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** Every backend there is. */
  readonly backends: readonly Backend[];
}

/** What a node is known by from before. */
export interface EarlierSelf {
  /** null where the store knows the node without it. */
  readonly identity: HostIdentity | null;
  readonly previousSubnets: DualPrefix;
}

/** A host, and the families of the network that it has no address for. */
export interface FoundHost {
  readonly host: LocalHost;
  /** Why a family is left out; empty when none is. */
  readonly missingFamilies: readonly string[];
}

/** What is known at the start. */
export interface FirstHost {
  readonly found: FoundHost;
  /** What this node published in an earlier life, and peers still go by. */
  readonly lastLease: Lease | null;
  readonly memory: InterfaceMemory;
}

const FAMILY_GRACE_MS = 3000;
const FAMILY_POLL_MS = 100;

/**
 * At the start: chooses the interface, and takes up the identities that peers know already.
 * @param earlier what an earlier daemon of this host may still be receiving on
 * @param onFault told why there is no interface yet; that is waited out
 * @param onStoreFault told why the last lease cannot be looked up yet; that is waited out too
 */
export async function findHost(
  { config, backend }: Configuration,
  earlier: readonly ActiveBackend[],
  underlay: UnderlayOptions,
  self: EarlierSelf,
  surroundings: Surroundings,
  onFault: (reason: string) => void,
  onStoreFault: (reason: string) => void,
  signal: AbortSignal,
): Promise<FirstHost> {
  const { kernel, random, log, backends } = surroundings;
  const known = await untilItWorks(
    () => findKnownIps(self, backend, surroundings, signal),
    surroundings,
    onStoreFault,
    signal,
  );
  const memory = new InterfaceMemory(surroundings.clock, known.ips);
  const choose = async () => chooseInterface(config, underlay, await kernel.observe(), kernel, memory);
  const selected = await untilItWorks(
    () => withEveryFamily(choose, surroundings, signal),
    surroundings,
    onFault,
    signal,
  );
  announce(selected, log);
  const byAddress = () => findLastLease(backend, selected.publicIps, self, surroundings, signal);
  const lastLease = known.lease ?? (await untilItWorks(byAddress, surroundings, onStoreFault, signal));
  const observed = await kernel.observe();
  memory.see(selected, observed.addresses);
  const active = [backend, ...earlier];
  const identities = adoptIdentities(lastLease, active, backends, observed.links, random);
  return { found: describeHost(selected, { config, backend }, identities, observed), lastLease, memory };
}

/**
 * Later: the same host after something changed below it. The same object comes back when nothing of it did.
 * @throws TweedError `no-interface`
 */
export async function findHostAgain(
  found: FoundHost,
  { config, backend }: Pick<Configuration, "config" | "backend">,
  underlay: UnderlayOptions,
  observed: ObservedState,
  { kernel, log }: Pick<Surroundings, "kernel" | "log">,
  memory: InterfaceMemory,
): Promise<FoundHost> {
  const selected = await chooseInterface(config, underlay, observed, kernel, memory);
  memory.see(selected, observed.addresses);
  const now = describeHost(selected, { config, backend }, found.host.identities, observed);
  if (isDeepStrictEqual(now, found)) return found;
  const { iface, publicIps } = found.host;
  if (!isDeepStrictEqual({ iface, publicIps }, { iface: now.host.iface, publicIps: now.host.publicIps })) {
    announce(selected, log);
  }
  return now;
}

function describeHost(
  { iface, publicIps, missing }: SelectedInterface,
  { config, backend }: Pick<Configuration, "config" | "backend">,
  identities: Identities,
  observed: ObservedState,
): FoundHost {
  const networks = networksOf(config);
  const found: FoundHost = {
    host: {
      ...{ iface, publicIps, networks, identities },
      underlay: underlayRoutes(observed, networks),
      nobodysIps: nobodysIps(observed.addresses, iface.name),
    },
    missingFamilies: missing.map((family) => family.reason),
  };
  return withoutNarrowFamilies(found, backend);
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

function chooseInterface(
  config: Configuration["config"],
  options: UnderlayOptions,
  state: ObservedState,
  kernel: Pick<Kernel, "routeTo">,
  memory: InterfaceMemory,
): Promise<SelectedInterface> {
  const overlay = state.links.map((link) => link.name).filter((name) => DEVICE_NAME.test(name));
  const ownDevices = new Set([...overlay, "cni0"]);
  const preferences = memory.preferences();
  const request = { state, families: enabledFamilies(config), options, ownDevices, preferences };
  return selectInterface(request, (ip) => kernel.routeTo(ip));
}

/** What this node published before it was started, if it is known by its identity, and what else the store has of its host. */
async function findKnownIps(
  self: EarlierSelf,
  backend: ActiveBackend,
  surroundings: Surroundings,
  signal: AbortSignal,
): Promise<{ readonly ips: readonly DualIp[]; readonly lease: Lease | null }> {
  const { store } = surroundings;
  if (store.hostIps !== undefined) return { ips: await store.hostIps(signal), lease: null };
  const lease = await findLastLease(backend, { v4: null, v6: null }, self, surroundings, signal);
  return { ips: lease === null ? [] : [lease.publicIps], lease };
}

function findLastLease(
  { type }: ActiveBackend,
  publicIps: DualIp,
  { identity, previousSubnets }: EarlierSelf,
  { store }: Surroundings,
  signal: AbortSignal,
): Promise<Lease | null> {
  const content: LeaseContent = { publicIps, offers: [{ type, data: { v4: null, v6: null } }] };
  const known = identity === null ? {} : { identity };
  return store.previous({ content, previousSubnets, ...known }, signal);
}

function announce(selected: SelectedInterface, log: Log): void {
  const { iface, publicIps, rule, missing, notes } = selected;
  log.info(
    { op: "choose-interface", iface: iface.name, publicIp: publicIps, mtuBytes: iface.mtuBytes, rule },
    "interface chosen",
  );
  for (const { family, reason } of missing) {
    log.warn({ op: "choose-interface", family, reason }, "address family skipped");
  }
  for (const reason of notes) log.info({ op: "choose-interface", reason }, "interface candidate considered");
}
