/**
 * The candidate interfaces for traffic between hosts, from the flags or, without any, from the default routes, in the
 * order in which they are tried.
 */
import type { UnderlayOptions } from "../../config/daemon-options.ts";
import type { Kernel } from "../../kernel/kernel.ts";
import type { ObservedLink, ObservedState } from "../../kernel/observed.ts";
import {
  type DualIp,
  type Family,
  familyOf,
  type Ip,
  isIpv4,
  isUsableUnicast,
  tryParseIp,
} from "../../net/index.ts";
import { NO_PREFERENCES, type Preferences } from "./interface-memory.ts";
import { carriersOf, isOwnAddress, isUsable, unusableReason, usableIps } from "./usable-addresses.ts";

export interface SelectionRequest {
  readonly state: Pick<ObservedState, "links" | "addresses" | "routes">;
  /** Families of the network; at least one. */
  readonly families: readonly Family[];
  readonly options: UnderlayOptions;
  /** Devices of the overlay itself, which no pattern may match: flannel.1, flannel0, cni0. */
  readonly ownDevices: ReadonlySet<string>;
  /** Interfaces that were in force, and addresses that the host had before. */
  readonly preferences?: Preferences;
}

export type Proposal = Candidate | Rejection;

export interface Candidate {
  /** The flag or rule that proposes it: "--iface eth1". */
  readonly rule: string;
  readonly link: ObservedLink;
  /** The address of each family that the rule itself names; null where the order of addresses decides. */
  readonly ips: DualIp;
}

export interface Rejection {
  readonly rule: string;
  readonly reason: string;
}

const NO_IPS: DualIp = { v4: null, v6: null };

/** Lazy: the kernel is asked for a route only when no earlier candidate was usable. */
export async function* proposeInterfaces(
  request: SelectionRequest,
  routeTo: Kernel["routeTo"],
): AsyncGenerator<Proposal, void, undefined> {
  const { ifaces, ifaceRegexes, ifaceCanReach } = request.options;
  if (ifaces.length === 0 && ifaceRegexes.length === 0 && ifaceCanReach === null) {
    yield* proposePublished(request);
    yield* proposePreferred(request);
    yield* proposeDefaultRoutes(request);
    yield* proposeFormer(request);
    return;
  }
  for (const iface of ifaces) {
    const ip = tryParseIp(iface);
    yield ip === null
      ? byName(request, `--iface ${iface}`, iface)
      : byAddress(request, `--iface ${iface}`, ip);
  }
  for (const regex of ifaceRegexes) yield* proposeMatches(request, regex);
  if (ifaceCanReach === null) return;
  yield* proposeInForce(request, `--iface-can-reach ${ifaceCanReach}`);
  yield await byRoute(request, ifaceCanReach, routeTo);
}

function byName(request: SelectionRequest, rule: string, name: string): Proposal {
  const link = request.state.links.find((candidate) => candidate.name === name);
  return link === undefined ? { rule, reason: "there is no such interface" } : { rule, link, ips: NO_IPS };
}

function byAddress(request: SelectionRequest, rule: string, ip: Ip): Proposal {
  const carriers = carriersOf(request.state.addresses, ip);
  const [first] = carriers;
  if (first === undefined) return { rule, reason: "no interface carries this address" };
  const usable = carriers.find((address) => unusableReason(address) === null);
  if (usable === undefined) return { rule, reason: `on ${first.iface}, but ${unusableReason(first)}` };
  const proposal = byName(request, rule, usable.iface);
  return "link" in proposal ? { ...proposal, ips: onlyIp(ip) } : proposal;
}

/**
 * The interface in force first, then the others by index. Matches by an address in every family come before matches by
 * an address in one, and those before matches by name; a match by name takes no address from a partial match.
 */
function* proposeMatches(request: SelectionRequest, regex: RegExp): Generator<Proposal, void, undefined> {
  const rule = `--iface-regex ${regex.source}`;
  const { ifaces, ips: preferredIps } = request.preferences ?? NO_PREFERENCES;
  const isInForce = ({ name }: ObservedLink) => Number(ifaces[0] === name && isPreferable(request, name));
  const links = request.state.links
    .filter((link) => !request.ownDevices.has(link.name))
    .sort((a, b) => isInForce(b) - isInForce(a) || a.index - b.index);
  const byAddresses = links.map((link) => {
    const usable = usableIps(request.state.addresses, link.name, preferredIps);
    const ips: DualIp = {
      v4: usable.v4.find((ip) => regex.test(ip)) ?? null,
      v6: usable.v6.find((ip) => regex.test(ip)) ?? null,
    };
    return { rule, link, ips, familiesMatched: request.families.filter((f) => ips[f] !== null).length };
  });
  const matches = [
    ...byAddresses.filter((match) => match.familiesMatched === request.families.length),
    ...byAddresses.filter(
      (match) => match.familiesMatched > 0 && match.familiesMatched < request.families.length,
    ),
    ...links.filter((link) => regex.test(link.name)).map((link) => ({ rule, link, ips: NO_IPS })),
  ];
  if (matches.length === 0) yield { rule, reason: "matches no usable address and no interface name" };
  yield* matches;
}

async function byRoute(request: SelectionRequest, target: Ip, routeTo: Kernel["routeTo"]): Promise<Proposal> {
  const rule = `--iface-can-reach ${target}`;
  const route = await routeTo(target);
  if (route === null) return { rule, reason: "the kernel has no route to it" };
  const proposal = byName(request, rule, route.iface);
  // The route to an address of this host leads to lo, which is not the interface that has the address.
  if ("link" in proposal && proposal.link.isLoopback) return byAddress(request, rule, target);
  const isSourceKnown = route.source !== null && isUsableUnicast(route.source);
  return "link" in proposal && isSourceKnown ? { ...proposal, ips: onlyIp(route.source) } : proposal;
}

/**
 * Without any --iface, a published address selects the interface that has it. If none has it, the host is behind NAT,
 * and the address selects nothing.
 */
function* proposePublished(request: SelectionRequest): Generator<Proposal, void, undefined> {
  for (const family of request.families) {
    const ip = request.options.publicIps[family];
    if (ip === null) continue;
    const rule = `--public-ip${family === "v6" ? "v6" : ""} ${ip}`;
    if (carriersOf(request.state.addresses, ip).length > 0) yield byAddress(request, rule, ip);
    else yield { rule, reason: "no interface carries it, so it is published only, as behind NAT" };
  }
}

/** The interface in force stays while it is usable, although its route may disappear for a moment. */
function* proposeInForce(request: SelectionRequest, rule: string): Generator<Proposal, void, undefined> {
  for (const name of request.preferences?.ifaces ?? []) {
    if (isPreferable(request, name)) yield byName(request, rule, name);
  }
}

function* proposePreferred(request: SelectionRequest): Generator<Proposal, void, undefined> {
  yield* proposeInForce(request, "in force before");
  for (const { ip } of request.preferences?.ips ?? []) {
    for (const { iface } of carriersOf(request.state.addresses, ip).filter(isUsable)) {
      if (isPreferable(request, iface)) yield byName(request, `this host's known address ${ip}`, iface);
    }
  }
}

/** The last resort, when the default route is gone as well. */
function* proposeFormer(request: SelectionRequest): Generator<Proposal, void, undefined> {
  for (const name of request.preferences?.ifaces ?? []) {
    if (!isPreferable(request, name)) yield byName(request, "in force before", name);
  }
}

/** Up, and with an address of its own: an interface with only virtual addresses left is not preferred to others. */
function isPreferable({ state, families, ownDevices, preferences }: SelectionRequest, name: string): boolean {
  const link = state.links.find((each) => each.name === name);
  if (link?.isUp !== true || ownDevices.has(name)) return false;
  const known = preferences?.ips ?? [];
  return state.addresses.some(
    (address) =>
      address.iface === name &&
      isUsable(address) &&
      families.includes(familyOf(address.ip)) &&
      isOwnAddress(address, known),
  );
}

/** For each family the default route with the lowest metric, which is the one that the kernel uses. */
function* proposeDefaultRoutes(request: SelectionRequest): Generator<Proposal, void, undefined> {
  for (const family of request.families) {
    const rule = family === "v4" ? "IPv4 default route" : "IPv6 default route";
    const destination = family === "v4" ? "0.0.0.0/0" : "::/0";
    const routes = request.state.routes
      .filter((route) => route.dst === destination)
      .sort((a, b) => a.metric - b.metric);
    const iface = routes.find((route) => route.iface !== null)?.iface;
    if (routes.length === 0) yield { rule, reason: "there is none" };
    else if (iface) yield byName(request, rule, iface);
    else yield { rule, reason: "it names no single interface (multipath or blackhole)" };
  }
}

function onlyIp(ip: Ip): DualIp {
  return isIpv4(ip) ? { v4: ip, v6: null } : { v4: null, v6: ip };
}
