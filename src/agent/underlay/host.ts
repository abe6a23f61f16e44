/** Finds this node's interface and addresses, at the start and whenever they change. */
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
import { isSameData } from "../../runtime/same-data.ts";
import type { Configuration } from "../configuration/configuration.ts";
import { adoptIdentities } from "../identity/adopted-identities.ts";
import { type ActiveBackend, enabledFamilies } from "../switch-over/active-backend.ts";
import { withRetries } from "../with-retries.ts";
import { InterfaceMemory } from "./interface-memory.ts";
import { type SelectedInterface, selectInterface } from "./interface-selection.ts";
import { withoutIpv6BelowMinimumMtu } from "./ipv6-minimum-mtu.ts";
import { networksOf, nonPeerIps, underlayRoutes } from "./local-host.ts";

export interface Surroundings {
  readonly store: LeaseStore;
  readonly kernel: Kernel;
  readonly files: Files;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** All backends. */
  readonly backends: readonly Backend[];
}

/** The keys by which the store finds the last lease of this node. */
export interface LeaseLookup {
  /** null where the store identifies the node without it. */
  readonly identity: HostIdentity | null;
  readonly previousSubnets: DualPrefix;
}

/** A host, and the families of the network for which it has no address. */
export interface FoundHost {
  readonly host: LocalHost;
  /** Why a family is skipped; empty when none is. */
  readonly missingFamilies: readonly string[];
}

/** The result of {@link findHost}. */
export interface FirstHost {
  readonly found: FoundHost;
  /** The lease that an earlier daemon of this node published, and that peers still use. */
  readonly lastLease: Lease | null;
  readonly memory: InterfaceMemory;
}

const FAMILY_GRACE_MS = 3000;
const FAMILY_POLL_MS = 100;

/**
 * At the start: chooses the interface, and adopts the identities that peers already know.
 * @param earlier backends on which an earlier daemon of this host may still receive
 * @param onFault called with the reason why no interface can be chosen yet; the choice is retried
 * @param onStoreFault called with the reason why the last lease cannot be read yet; the read is retried
 */
export async function findHost(
  { config, backend }: Configuration,
  earlier: readonly ActiveBackend[],
  underlay: UnderlayOptions,
  lookup: LeaseLookup,
  surroundings: Surroundings,
  onFault: (reason: string) => void,
  onStoreFault: (reason: string) => void,
  signal: AbortSignal,
): Promise<FirstHost> {
  const { kernel, random, log, backends } = surroundings;
  const known = await withRetries(
    () => findKnownIps(lookup, backend, surroundings, signal),
    surroundings,
    onStoreFault,
    signal,
  );
  const memory = new InterfaceMemory(surroundings.clock, known.ips);
  const choose = async () => chooseInterface(config, underlay, await kernel.observe(), kernel, memory);
  const selected = await withRetries(
    () => withEveryFamily(choose, surroundings, signal),
    surroundings,
    onFault,
    signal,
  );
  logSelection(selected, log);
  const byAddress = () => findLastLease(backend, selected.publicIps, lookup, surroundings, signal);
  const lastLease = known.lease ?? (await withRetries(byAddress, surroundings, onStoreFault, signal));
  const observed = await kernel.observe();
  memory.record(selected, observed.addresses);
  const active = [backend, ...earlier];
  const identities = adoptIdentities(lastLease, active, backends, observed.links, random);
  return { found: describeHost(selected, { config, backend }, identities, observed), lastLease, memory };
}

/**
 * Later: the host after a change in the kernel. Returns `found` itself when the host has not changed.
 * @throws TweedError `no-interface`
 */
export async function refreshHost(
  found: FoundHost,
  { config, backend }: Pick<Configuration, "config" | "backend">,
  underlay: UnderlayOptions,
  observed: ObservedState,
  { kernel, log }: Pick<Surroundings, "kernel" | "log">,
  memory: InterfaceMemory,
): Promise<FoundHost> {
  const selected = await chooseInterface(config, underlay, observed, kernel, memory);
  memory.record(selected, observed.addresses);
  const now = describeHost(selected, { config, backend }, found.host.identities, observed);
  if (isSameData(now, found)) return found;
  const { iface, publicIps } = found.host;
  if (!isSameData({ iface, publicIps }, { iface: now.host.iface, publicIps: now.host.publicIps })) {
    logSelection(selected, log);
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
      nonPeerIps: nonPeerIps(observed.addresses, iface.name),
    },
    missingFamilies: missing.map((family) => family.reason),
  };
  return withoutIpv6BelowMinimumMtu(found, backend);
}

/** At boot, duplicate address detection of IPv6 (RFC 4862 section 5.4) takes a second or two. */
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

/** Addresses that the store has of this host, or those of its last lease if its identity finds that. */
async function findKnownIps(
  lookup: LeaseLookup,
  backend: ActiveBackend,
  surroundings: Surroundings,
  signal: AbortSignal,
): Promise<{ readonly ips: readonly DualIp[]; readonly lease: Lease | null }> {
  const { store } = surroundings;
  if (store.hostIps !== undefined) return { ips: await store.hostIps(signal), lease: null };
  const lease = await findLastLease(backend, { v4: null, v6: null }, lookup, surroundings, signal);
  return { ips: lease === null ? [] : [lease.publicIps], lease };
}

function findLastLease(
  { type }: ActiveBackend,
  publicIps: DualIp,
  { identity, previousSubnets }: LeaseLookup,
  { store }: Surroundings,
  signal: AbortSignal,
): Promise<Lease | null> {
  const content: LeaseContent = { publicIps, offers: [{ type, data: { v4: null, v6: null } }] };
  const known = identity === null ? {} : { identity };
  return store.previous({ content, previousSubnets, ...known }, signal);
}

function logSelection(selected: SelectedInterface, log: Log): void {
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
