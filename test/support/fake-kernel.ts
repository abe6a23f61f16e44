/**
 * The kernel of one host, in process: what Linux does with links, addresses, routes, neighbours and FDB entries as far
 * as Tweed relies on it, each rule checked against a real kernel (6.18). Tests inject failures, lost notifications and
 * changes by other programs.
 */
import type { Kernel, KernelChange } from "../../src/kernel/kernel.ts";
import { type LinkSettings, linkKindOf } from "../../src/kernel/objects/kinds.ts";
import { changedSettings } from "../../src/kernel/objects/link.ts";
import type { DesiredLink } from "../../src/kernel/objects/link-kind.ts";
import type {
  InterfaceIndex,
  ObservedAddress,
  ObservedFdb,
  ObservedLink,
  ObservedNeighbour,
  ObservedRoute,
  ObservedRule,
  ObservedState,
} from "../../src/kernel/observed.ts";
import type { Operation, Outcome } from "../../src/kernel/operation.ts";
import {
  type AddressState,
  BLACKHOLE_METRIC,
  type LinkState,
  ROUTE_PROTOCOL,
  type RouteState,
  type VxlanLink,
} from "../../src/kernel/state.ts";
import {
  addressBits,
  containsIp,
  familyOf,
  type Ip,
  isIpv4,
  isIpv4Prefix,
  isUnicastMac,
  type Mac,
  type Prefix,
  parseMac,
  prefixLength,
  prefixOf,
} from "../../src/net/index.ts";
import { TweedError } from "../../src/runtime/error.ts";

export interface FakeKernelHooks {
  /** Called before each operation; a returned outcome makes the operation fail without effect. */
  before(operation: Operation): Outcome;
  after(operation: Operation, outcome: Outcome): void;
}

const KERNEL_VXLAN_PORT = 8472;
const ETHERNET_MAC = parseMac("02:00:00:00:00:99");

export class FakeKernel implements Kernel {
  readonly links = new Map<string, ObservedLink>();
  addresses: ObservedAddress[] = [];
  fdb: ObservedFdb[] = [];
  neighbours: ObservedNeighbour[] = [];
  routes: ObservedRoute[] = [];
  readonly sysctls = new Map<string, string>();
  hooks: Partial<FakeKernelHooks> = {};
  /** Operations requested through {@link apply}, newest last. */
  readonly log: Operation[] = [];
  dumps = 0;
  /** While set, every request fails with it, as on a broken socket. */
  fault: TweedError | null = null;
  readonly #listeners = new Set<(change: KernelChange) => void>();
  readonly #undelivered: KernelChange[] = [];
  #isLosing = false;
  #nextIndex = 1;

  async observe(): Promise<ObservedState> {
    this.dumps += 1;
    if (this.fault !== null) throw this.fault;
    await settle();
    return this.snapshot();
  }

  async ping(): Promise<void> {
    if (this.fault !== null) throw this.fault;
  }

  /** Rules of policy routing. */
  rules: readonly ObservedRule[] = [];
  ruleDumps = 0;

  async observeRules(): Promise<readonly ObservedRule[]> {
    this.ruleDumps += 1;
    if (this.fault !== null) throw this.fault;
    await settle();
    return this.rules;
  }

  /** Replaces the rules. @param table if only the contents of this table differ */
  putRules(rules: readonly ObservedRule[], table: number | null = null): void {
    this.rules = rules;
    this.#notify({ kind: "rules", table });
  }

  snapshot(): ObservedState {
    return {
      links: [...this.links.values()],
      addresses: [...this.addresses],
      fdb: [...this.fdb],
      neighbours: [...this.neighbours],
      routes: [...this.routes],
      ...(this.rules.length === 0 ? {} : { rules: this.rules }),
    };
  }

  async apply(operations: readonly Operation[]): Promise<readonly Outcome[]> {
    if (this.fault !== null) throw this.fault;
    const outcomes = operations.map((operation) => {
      this.log.push(operation);
      const outcome = this.hooks.before?.(operation) ?? this.execute(operation);
      this.hooks.after?.(operation, outcome);
      return outcome;
    });
    await settle();
    return outcomes;
  }

  async routeTo(
    ip: Ip,
  ): Promise<{ readonly iface: string; readonly via: Ip | null; readonly source: Ip | null } | null> {
    if (this.fault !== null) throw this.fault;
    const route = this.bestRoute(ip);
    if (route === null || route.iface === null) return null;
    return { iface: route.iface, via: route.via, source: route.source };
  }

  async subscribe(onChange: (change: KernelChange) => void, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    this.#listeners.add(onChange);
    signal.addEventListener("abort", () => this.#listeners.delete(onChange), { once: true });
  }

  /** False while a notification is queued, or was lost. */
  get hasDeliveredAll(): boolean {
    return this.#undelivered.length === 0 && !this.#isLosing;
  }

  /** Loses notifications from now on, as with a full receive buffer. */
  loseNotifications(): void {
    this.#isLosing = true;
  }

  /** Delivers notifications again; the first reports the overrun. */
  overrun(): void {
    this.#isLosing = false;
    this.#notify({ kind: "overrun" });
  }

  /** Longest prefix, then lowest metric. */
  bestRoute(ip: Ip): ObservedRoute | null {
    let best: ObservedRoute | null = null;
    for (const route of this.routes) {
      if (!containsIp(route.dst, ip)) continue;
      const longer = best === null ? 1 : prefixLength(route.dst) - prefixLength(best.dst);
      if (best === null || longer > 0 || (longer === 0 && route.metric < best.metric)) best = route;
    }
    return best;
  }

  /** A device that is not ours: an Ethernet card, a bridge. */
  addDevice(name: string, options: { kind?: string | null; up?: boolean; mac?: Mac } = {}): void {
    this.#putLink({
      index: this.#takeIndex(),
      name,
      kind: options.kind ?? null,
      mac: options.mac ?? ETHERNET_MAC,
      mtuBytes: 1500,
      isUp: options.up ?? true,
      hasCarrier: true,
      isLoopback: false,
      settings: null,
    });
  }

  /** Changes a device's attributes as another program would, with a notification. */
  alterLink(name: string, change: (link: ObservedLink) => ObservedLink): void {
    const link = this.links.get(name);
    if (link !== undefined) this.#putLink(change(link));
  }

  putObservedAddress(address: ObservedAddress): void {
    this.addresses = [...this.addresses, address];
    this.#notify({ kind: "address", gone: false, address });
  }

  putObservedRoute(route: ObservedRoute): void {
    this.routes = [...this.routes.filter((have) => !isInPlaceOf(route, have)), route];
    this.#notify({ kind: "route", gone: false, route });
  }

  putObservedFdb(entry: ObservedFdb): void {
    const isReplaced = ({ iface, mac, remote }: ObservedFdb) =>
      iface === entry.iface && mac === entry.mac && (isUnicastMac(mac) || remote === entry.remote);
    this.fdb = [...this.fdb.filter((have) => !isReplaced(have)), entry];
    this.#notify({ kind: "fdb", gone: false, entry });
  }

  putObservedNeighbour(entry: ObservedNeighbour): void {
    const isOther = ({ iface, ip }: ObservedNeighbour) => iface !== entry.iface || ip !== entry.ip;
    this.neighbours = [...this.neighbours.filter(isOther), entry];
    this.#notify({ kind: "neighbour", gone: false, entry });
  }

  /** One operation, as any program of the host may request it. */
  execute(operation: Operation): Outcome {
    switch (operation.op) {
      case "create-link":
        return this.#createLink(operation.link);
      case "set-link":
        return this.#setLink(operation);
      case "delete-link":
        this.#deleteLink(operation.name);
        return null;
      case "write-sysctl": {
        const { path, value } = operation.sysctl;
        const device = /^net\/ipv[46]\/conf\/([^/]+)\//.exec(path)?.[1];
        if (device !== undefined && !this.links.has(device)) return refusal(operation, "ENOENT");
        this.sysctls.set(path, value);
        return null;
      }
      case "add-address":
        return this.#addAddress(operation);
      case "delete-address":
        this.#deleteAddress(operation.address);
        return null;
      case "put-fdb":
        if (this.links.get(operation.entry.iface)?.kind !== "vxlan") return refusal(operation, "ENODEV");
        this.putObservedFdb({ ...operation.entry, isPermanent: true });
        return null;
      case "delete-fdb": {
        const { iface, mac, remote } = operation.entry;
        const isIt = (e: ObservedFdb) => e.iface === iface && e.mac === mac && e.remote === remote;
        this.fdb = this.#remove(this.fdb, isIt, (entry) => ({ kind: "fdb", gone: true, entry }));
        return null;
      }
      case "put-neighbour":
        if (!this.links.has(operation.entry.iface)) return refusal(operation, "ENODEV");
        this.putObservedNeighbour({ ...operation.entry, isPermanent: true });
        return null;
      case "delete-neighbour": {
        const { iface, ip } = operation.entry;
        this.#dropNeighbours((entry) => entry.iface === iface && entry.ip === ip);
        return null;
      }
      case "put-route":
        return this.#putRoute(operation);
      case "delete-route": {
        const { route, metric } = operation;
        const isIt = (have: ObservedRoute) =>
          have.dst === route.dst &&
          have.metric === metric &&
          have.protocol === route.protocol &&
          have.iface === route.iface &&
          have.via === route.via;
        this.#dropRoutes(isIt);
        return null;
      }
      case "put-blackhole":
        this.putObservedRoute(blackhole(operation.dst));
        return null;
      case "delete-blackhole": {
        const { dst, metric, protocol } = blackhole(operation.dst);
        this.#dropRoutes(
          (have) =>
            have.dst === dst && have.metric === metric && have.protocol === protocol && have.iface === null,
        );
        return null;
      }
    }
  }

  #createLink(link: LinkState): Outcome {
    const operation: Operation = { op: "create-link", link };
    if (this.links.has(link.name)) return refusal(operation, "EEXIST");
    const { name, kind, mtuBytes, mac }: DesiredLink = link;
    const parentName = linkKindOf(link).parentOf(link);
    const parent = parentName === null ? null : this.links.get(parentName);
    if (parent === undefined) return refusal(operation, "ENODEV");
    if (link.kind === "vxlan" && this.#isVniTaken(link)) return refusal(operation, "EEXIST");
    const settings = linkKindOf(link).settingsOf(link, parent?.index ?? null) as LinkSettings;
    const state = { isUp: false, hasCarrier: true, isLoopback: false };
    this.#putLink({ index: this.#takeIndex(), name, kind, mac: mac ?? null, mtuBytes, ...state, settings });
    return null;
  }

  /** A VNI is unique for a port and family (vxlan_find_vni). */
  #isVniTaken({ vni, port, local }: VxlanLink): boolean {
    return [...this.links.values()].some(
      ({ settings: have }) =>
        have?.kind === "vxlan" &&
        have.vni === vni &&
        have.port === (port ?? KERNEL_VXLAN_PORT) &&
        have.local !== null &&
        familyOf(have.local) === familyOf(local),
    );
  }

  #setLink(operation: Extract<Operation, { op: "set-link" }>): Outcome {
    const link = this.links.get(operation.name);
    if (link === undefined) return refusal(operation, "ENODEV");
    const { mtuBytes = link.mtuBytes, mac = link.mac, up: isUp = link.isUp } = operation;
    const change = operation.settings;
    const isOtherFamily =
      change?.kind === "vxlan" &&
      link.settings?.kind === "vxlan" &&
      change.local !== undefined &&
      link.settings.local !== null &&
      familyOf(change.local) !== familyOf(link.settings.local);
    if (isOtherFamily) return refusal(operation, "EINVAL");
    this.#putLink({ ...link, mtuBytes, mac, isUp, settings: changedSettings(link.settings, operation) });
    // neigh_changeaddr and neigh_ifdown: permanent entries go as well. FDB entries stay.
    if (mac !== link.mac || (link.isUp && !isUp)) {
      this.#dropNeighbours((entry) => entry.iface === operation.name);
    }
    if (link.isUp && !isUp) this.#wentDown(operation.name);
    if (!link.isUp && isUp) {
      for (const address of this.addresses) if (address.iface === operation.name) this.#connect(address);
    }
    return null;
  }

  /**
   * IPv4 routes are removed without notification (fib_disable_ip), except for those with another next hop: they stay,
   * inactive until the device is up again. IPv6 routes and addresses are removed with notifications.
   */
  #wentDown(iface: string): void {
    const goes = (route: ObservedRoute) => route.iface === iface && route.alsoFrom === undefined;
    this.routes = this.routes.filter((route) => !goes(route) || !isIpv4Prefix(route.dst));
    this.#dropRoutes(goes);
    const isIpv6Here = (address: ObservedAddress) => address.iface === iface && !isIpv4(address.ip);
    this.addresses = this.#remove(this.addresses, isIpv6Here, (address) => ({
      kind: "address",
      gone: true,
      address,
    }));
  }

  #deleteLink(name: string): void {
    const link = this.links.get(name);
    if (link === undefined) return;
    // A tunnel does not outlive the device it is bound to (vxlan_handle_lowerdev_unregister).
    const tunnels = [...this.links.values()].filter(
      ({ settings }) => settings !== null && "parentIndex" in settings && settings.parentIndex === link.index,
    );
    for (const tunnel of tunnels) this.#deleteLink(tunnel.name);
    this.links.delete(name);
    this.routes = this.routes.filter((route) => route.iface !== name);
    this.addresses = this.addresses.filter((address) => address.iface !== name);
    this.fdb = this.fdb.filter((entry) => entry.iface !== name);
    this.neighbours = this.neighbours.filter((entry) => entry.iface !== name);
    for (const path of this.sysctls.keys()) if (path.split("/").includes(name)) this.sysctls.delete(path);
    this.#notify({ kind: "link", gone: true, link });
  }

  #addAddress(operation: Extract<Operation, { op: "add-address" }>): Outcome {
    const { iface, ip, length } = operation.address;
    if (!this.links.has(iface)) return refusal(operation, "ENODEV");
    const same = this.addresses.filter((have) => have.iface === iface && have.ip === ip);
    if (same.some((have) => have.length === length)) return null;
    if (same.length > 0 && !isIpv4(ip)) return refusal(operation, "EEXIST");
    const address = {
      ...{ iface, ip, length, isPermanent: true },
      ...{
        isLinkLocal: false,
        isTemporary: false,
        isSecondary: false,
        isDeprecated: false,
        isTentative: false,
      },
    };
    this.addresses = [...this.addresses, address];
    this.#notify({ kind: "address", gone: false, address });
    if (this.links.get(iface)?.isUp === true) this.#connect(address);
    return null;
  }

  #deleteAddress({ iface, ip, length }: AddressState): void {
    const isIt = (a: ObservedAddress) => a.iface === iface && a.ip === ip && a.length === length;
    const count = this.addresses.length;
    this.addresses = this.#remove(this.addresses, isIt, (address) => ({
      kind: "address",
      gone: true,
      address,
    }));
    if (this.addresses.length === count) return;
    const dst = prefixOf(ip, length);
    const isConnected = (route: ObservedRoute) =>
      route.dst === dst && route.iface === iface && route.protocol === ROUTE_PROTOCOL.kernel;
    this.#dropRoutes(isConnected);
    const isLast = isIpv4(ip) && !this.addresses.some((a) => a.iface === iface && isIpv4(a.ip));
    const goes = (route: ObservedRoute) => (isLast && route.iface === iface) || route.source === ip;
    if (isIpv4(ip)) {
      this.routes = this.routes.filter((route) => !isIpv4Prefix(route.dst) || !goes(route));
    }
  }

  /** The prefix route that the kernel adds with an address: of several in one prefix the first has it. */
  #connect({ iface, ip, length, isSecondary }: ObservedAddress): void {
    if (isSecondary || length === addressBits(familyOf(ip))) return;
    const metric = isIpv4(ip) ? 0 : 256;
    const protocol = ROUTE_PROTOCOL.kernel;
    const dst = prefixOf(ip, length);
    const source = isIpv4(ip) ? ip : null;
    const route = { dst, via: null, iface, onlink: false, protocol, metric, mtuBytes: null, source };
    this.routes = [...this.routes, route];
    this.#notify({ kind: "route", gone: false, route });
  }

  #putRoute(operation: Extract<Operation, { op: "put-route" }>): Outcome {
    const { route } = operation;
    const link = this.links.get(route.iface);
    if (link === undefined) return refusal(operation, "ENODEV");
    if (!link.isUp) return refusal(operation, "ENETDOWN");
    if (route.via !== null && !route.onlink && !this.#isOnLink(route.iface, route.via)) {
      return refusal(operation, "ENETUNREACH");
    }
    if (route.onlink && this.#isElsewhere(route)) return refusal(operation, "EINVAL");
    if (route.alsoFrom !== undefined) {
      const { via, iface } = route.alsoFrom;
      if (this.links.get(iface)?.isUp !== true) return refusal(operation, "ENETDOWN");
      if (!this.#isOnLink(iface, via)) return refusal(operation, "ENETUNREACH");
    }
    this.putObservedRoute(observedRoute(route));
    return null;
  }

  /** ip6_route_check_nh_onlink in net/ipv6/route.c: an IPv6 gateway that the table reaches through another device. */
  #isElsewhere({ via, iface }: RouteState): boolean {
    if (via === null || familyOf(via) === "v4") return false;
    const known = this.bestRoute(via);
    return known !== null && prefixLength(known.dst) > 0 && known.iface !== null && known.iface !== iface;
  }

  #isOnLink(iface: string, via: Ip): boolean {
    return this.routes.some(
      (route) => route.iface === iface && route.via === null && containsIp(route.dst, via),
    );
  }

  #dropRoutes(goes: (route: ObservedRoute) => boolean): void {
    this.routes = this.#remove(this.routes, goes, (route) => ({ kind: "route", gone: true, route }));
  }

  #dropNeighbours(goes: (entry: ObservedNeighbour) => boolean): void {
    this.neighbours = this.#remove(this.neighbours, goes, (entry) => ({
      kind: "neighbour",
      gone: true,
      entry,
    }));
  }

  #remove<T>(items: readonly T[], goes: (item: T) => boolean, farewell: (item: T) => KernelChange): T[] {
    for (const item of items) if (goes(item)) this.#notify(farewell(item));
    return items.filter((item) => !goes(item));
  }

  #putLink(link: ObservedLink): void {
    this.links.set(link.name, link);
    this.#notify({ kind: "link", gone: false, link });
  }

  #takeIndex(): InterfaceIndex {
    return this.#nextIndex++ as InterfaceIndex;
  }

  /** Notifications arrive in order, after the call that caused them has returned. */
  #notify(change: KernelChange): void {
    if (this.#isLosing) return;
    this.#undelivered.push(change);
    if (this.#undelivered.length > 1) return;
    queueMicrotask(() => {
      const changes = this.#undelivered.splice(0);
      for (const listener of this.#listeners) for (const each of changes) listener(each);
    });
  }
}

export function observedRoute(route: RouteState): ObservedRoute {
  return { ...route, metric: metricOf(route.dst), source: null };
}

function metricOf(dst: Prefix): number {
  return isIpv4Prefix(dst) ? 0 : 1024;
}

function isInPlaceOf(route: ObservedRoute, have: ObservedRoute): boolean {
  return have.dst === route.dst && have.metric === route.metric;
}

function refusal(operation: Operation, code: string): TweedError {
  return new TweedError({
    code,
    operation: operation.op,
    reason: `refused by the fake kernel: ${code}`,
    retryable: code !== "EINVAL",
  });
}

/** Lets queued notifications arrive first. */
function settle(): Promise<void> {
  return new Promise((resolve) => queueMicrotask(() => queueMicrotask(resolve)));
}

/** As the kernel dumps one that {@link FakeKernel} was asked to add. */
function blackhole(dst: Prefix): ObservedRoute {
  return {
    ...{ dst, via: null, iface: null, onlink: false, mtuBytes: null, source: null },
    ...{ protocol: ROUTE_PROTOCOL.tweed, metric: BLACKHOLE_METRIC },
  };
}
