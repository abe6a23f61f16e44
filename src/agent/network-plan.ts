/** Computes the desired kernel state of this node from a snapshot of leases. Pure. */
import type { Backend, BackendPlan, LocalNode, Peer, Sender } from "../../backends/backend.ts";
import { BACKENDS, findBackend } from "../../backends/registry.ts";
import type { AddressPlan } from "../config/address-plan.ts";
import type { NetworkConfig } from "../config/network-config.ts";
import type { AddressRange, PacketOrigins, TunnelOrigin } from "../kernel/firewall/packet-origins.ts";
import {
  EMPTY_STATE,
  type KernelState,
  mergeStates,
  type RouteState,
  type StateConflict,
} from "../kernel/state.ts";
import { type Acceptance, type AcceptedLease, accept } from "../lease/accept.ts";
import type { NetworkRule, NetworkRules } from "../lease/claims.ts";
import type { Holders } from "../lease/holders.ts";
import type { BackendOffer, LeaseSnapshot } from "../lease/lease.ts";
import type { Contested } from "../lease/uniqueness.ts";
import {
  containsIp,
  type DualIp,
  type DualStack,
  FAMILIES,
  type Family,
  familyOf,
  type Ip,
  ipFromBits,
  isUsableUnicast,
  type Prefix,
  prefixAddress,
  prefixOf,
  prefixRange,
} from "../net/index.ts";
import { addressNumber, spanOf } from "../net/span.ts";
import type { PlannedEffect } from "./effectors.ts";
import { originsOfPeers, tunnelSendersOf, type UnderlayUse } from "./firewall/origins-of-peers.ts";
import { offerReader } from "./offer-reader.ts";
import { PlanMemory, type PlannedPeer } from "./plan-memory.ts";
import { type ActiveBackend, isSuitable, offersOf, ownPlan } from "./switch-over/active-backend.ts";
import { type ChosenPath, choosePath, offerTo } from "./switch-over/path-choice.ts";
import { transitionalRoutes } from "./switch-over/transitional-routes.ts";
import { hostsInside } from "./underlay/host-addresses.ts";

export interface NetworkPlan {
  readonly state: KernelState;
  /** What backends need beyond kernel objects. */
  readonly effects: readonly PlannedEffect[];
  /** Where packets of peers may come from; all others are forged. */
  readonly origins: PacketOrigins;
  readonly paths: readonly PeerPath[];
  readonly unreached: readonly UnreachedPeer[];
  /** Input of the next plan. */
  readonly holders: Holders;
  /** Values that both this node and another lease publish. */
  readonly contested: readonly Contested[];
  /** Peers whose leases are accepted, with their subnets. */
  readonly peers: readonly Pick<Sender, "key" | "subnets">[];
}

/** A lease, or one family of it, without a path. */
export interface UnreachedPeer {
  /** Key of the peer's lease. */
  readonly peer: string;
  readonly family: Family | null;
  readonly code: string;
  readonly reason: string;
}

/** Which backend carries packets to a peer, and why. */
export interface PeerPath {
  /** Key of the peer's lease. */
  readonly peer: string;
  readonly channel: string;
  readonly reason: ChosenPath["reason"];
}

export interface PlanContext {
  readonly node: LocalNode;
  readonly ownKey: string;
  readonly rules: NetworkRules;
  /** Backends on which this node can receive, the preferred one first. */
  readonly receiving: readonly ActiveBackend[];
  /** Backends of the advertisement in force: both ends choose paths from what both know. */
  readonly published: readonly ActiveBackend[];
  /** Whether the underlay interface checks the reverse path strictly (rp_filter 1). */
  readonly checksReversePath: boolean;
  /** Whether packets to unused addresses of the own subnet are dropped, rather than sent back where they came from. */
  readonly keepsBlackholes: boolean;
  /** From the last plan; absent for the first one. */
  readonly holders?: Holders | null;
  /** Every backend that leases may offer; absent for those of the registry. */
  readonly backends?: readonly Backend[];
  /** From the last plan; it affects the time only. */
  readonly memory?: PlanMemory;
}

/** The part of a plan that judges leases: half of its work, where they are thousands. */
export function acceptLeases(snapshot: LeaseSnapshot, context: PlanContext): Acceptance {
  const { node, ownKey, rules, receiving, published } = context;
  const { holders = null, backends: registry = BACKENDS, memory = new PlanMemory() } = context;
  memory.prepare([rules, node, ownKey, registry], published);
  return accept(snapshot, {
    rules,
    own: {
      key: ownKey,
      subnets: node.subnets,
      publicIps: node.publicIps,
      hostIps: node.iface.ips,
      nonPeerIps: new Set(node.nonPeerIps),
      offers: ownOffers([...published, ...receiving], node),
    },
    read: offerReader(registry),
    // `data` was parsed by the same backend.
    refuse: (peer) => findBackend(peer.type, registry)?.refuse(node, peer as Peer<object>) ?? null,
    holders,
    memory: memory.accept,
  });
}

export function planNetwork(snapshot: LeaseSnapshot, context: PlanContext): NetworkPlan {
  return planAccepted(acceptLeases(snapshot, context), context);
}

/** @param acceptance by the same context */
export function planAccepted(acceptance: Acceptance, context: PlanContext): NetworkPlan {
  const {
    node,
    ownKey,
    receiving,
    published,
    keepsBlackholes,
    checksReversePath,
    memory = new PlanMemory(),
  } = context;
  const { peers, rejections, holders, contested } = acceptance;
  // For a channel use the options that peers know, as paths may depend on them.
  const known = (backend: ActiveBackend) =>
    published.find((each) => each.channel === backend.channel) ?? backend;
  const backends = [...new Set([...receiving.map(known), ...published])];
  const planPeer = (accepted: AcceptedLease) => plannedPeer(accepted, published);
  const chosen = peers.map((accepted) => memory.peer(accepted, planPeer));
  const senders = chosen.map(({ sender }) => sender);
  const planOf = (backend: ActiveBackend): BackendPlan => {
    const inForce = known(backend);
    const carried: Peer[] = [];
    const standby: Peer[] = [];
    for (const { accepted, path } of chosen) {
      if (path !== null && path.backend === inForce) carried.push(path.peer);
      if (path !== null && path.backend === backend) continue;
      const peer = offerTo(backend, accepted);
      if (peer !== null) standby.push(peer);
    }
    return backend.plan(node, { carried, standby, senders, memory: memory.of(backend) });
  };
  const plans = new Map(backends.map((backend) => [backend, planOf(backend)]));
  // Plans for options that are not published yet.
  const unpublished = new Map(
    receiving.filter((backend) => known(backend) !== backend).map((backend) => [backend, planOf(backend)]),
  );
  const all = [...plans.values(), ...unpublished.values()];
  const wanted = mergeStates([...plans.values()].map((plan) => plan.state));
  const possible = all.flatMap((plan) => plan.standby.routes);
  const routes = transitionalRoutes(wanted.state, {
    unpublished: [...unpublished.values()].flatMap((plan) => plan.state.routes),
    possible,
    underlay: checksReversePath ? node.underlay : null,
  });
  const { state, conflicts } = mergeStates(
    [
      ...receiving.map((backend) => standbyObjects(unpublished.get(backend) ?? plans.get(backend))),
      keepsBlackholes ? blackholesOf(node) : EMPTY_STATE,
    ],
    { ...wanted.state, routes },
  );
  return {
    state,
    effects: Array.from(plans).flatMap(([{ type, channel }, { effect }]) =>
      effect === null ? [] : { type, channel, effect },
    ),
    origins: originsOfPeers(
      state.links,
      tunnelsOf([...plans.values()]),
      senders,
      {
        ifaces: [node.iface.name],
        ...bareUse(
          state,
          possible,
          node,
          all.some(({ origins }) => origins.arrivesBare),
        ),
        hosts: hostsInside(node, senders),
      },
      () => joined(chosen, ({ tunnelSenders }) => tunnelSenders),
    ),
    paths: chosen.map(({ report }) => report).filter((report) => report !== null),
    peers: senders,
    unreached: [
      ...rejections.map(({ key: peer, family, code, reason }) => ({ peer, family, code, reason })),
      ...chosen
        .filter(({ path }) => path === null)
        .map(({ accepted }) => withoutCommonBackend(accepted, published)),
      ...[...wanted.conflicts, ...conflicts].map((conflict) => conflictOf(conflict, peers, ownKey)),
    ],
    holders,
    contested,
  };
}

function plannedPeer(accepted: AcceptedLease, published: readonly ActiveBackend[]): PlannedPeer {
  const sender = asSender(accepted);
  const path = choosePath(published, accepted);
  const report =
    path === null ? null : { peer: path.peer.key, channel: path.backend.channel, reason: path.reason };
  return { accepted, sender, tunnelSenders: tunnelSendersOf(sender), path, report };
}

/** As `flatMap`, which is slow for thousands of short lists. */
function joined<T, Part>(items: readonly T[], partsOf: (item: T) => readonly Part[]): readonly Part[] {
  const parts: Part[] = [];
  for (const item of items) for (const part of partsOf(item)) parts.push(part);
  return parts;
}

/** Offers of all these backends, those that are not published yet included. */
function ownOffers(backends: readonly ActiveBackend[], node: LocalNode): readonly BackendOffer[] {
  const suitable = [...new Set(backends)].filter((backend) => isSuitable(backend, node));
  return suitable.length === 0 ? [] : offersOf(suitable, node);
}

/**
 * Includes options that are not published yet, so that the filters are ready before peers read them. A peer to which we
 * send without a tunnel answers without one, and one to which we could send so may not know yet that we do not. That admits
 * only this peer: a lease may request it for itself alone.
 */
function bareUse(
  { links, routes }: KernelState,
  possible: readonly RouteState[],
  node: LocalNode,
  isBare: boolean,
): Pick<UnderlayUse, "bare" | "barePeers"> {
  const tunnels = new Set(links.map(({ name }) => name));
  const ifaces = new Set(isBare ? [node.iface.name] : []);
  const peers = new Set<Prefix>();
  for (const { dst, iface, alsoFrom } of [...routes, ...possible]) {
    for (const each of alsoFrom === undefined ? [iface] : [iface, alsoFrom.iface]) {
      if (tunnels.has(each)) continue;
      ifaces.add(each);
      peers.add(dst);
    }
  }
  return { bare: [...ifaces], barePeers: isBare ? "all" : peers };
}

/** One entry for each socket or device. */
function tunnelsOf(plans: readonly BackendPlan[]): readonly TunnelOrigin[] {
  return plans.flatMap(({ origins }) => origins.tunnels);
}

/** The objects that this node's paths need, without those for peers. */
export function planOwnPart(backend: ActiveBackend, node: LocalNode, keepsBlackholes: boolean): KernelState {
  return mergeStates([ownPlan(backend, node).state, keepsBlackholes ? blackholesOf(node) : EMPTY_STATE])
    .state;
}

/** The objects of these backends without those for peers. */
export function planOwnParts(backends: readonly ActiveBackend[], node: LocalNode): KernelState {
  return mergeStates(backends.map((backend) => ownPlan(backend, node).state)).state;
}

function blackholesOf({ subnets }: LocalNode): KernelState {
  return { ...EMPTY_STATE, blackholes: FAMILIES.flatMap((family) => subnets[family] ?? []) };
}

/**
 * The objects of standby paths except the routes. When such a path comes into use only its route is missing: each end
 * switches in one step, so the two ends differ for as short a time as possible.
 */
function standbyObjects(plan: BackendPlan | undefined): KernelState {
  return plan === undefined ? EMPTY_STATE : { ...plan.standby, routes: [] };
}

/** The peer offers another type, as in a half-migrated cluster, or the same type with another VNI. */
function withoutCommonBackend(
  { lease: { key: peer }, offers: [offer] }: AcceptedLease,
  published: readonly ActiveBackend[],
): UnreachedPeer {
  const sameType = published.find((backend) => backend.type === offer.type);
  if (sameType === undefined) {
    const reason = `it offers backend ${JSON.stringify(offer.type)}, which this node does not run`;
    return { peer, family: null, code: "foreign-backend", reason };
  }
  const reason = `it uses ${sameType.channelOf(offer.data)}, this node uses ${sameType.channel}`;
  return { peer, family: null, code: "foreign-channel", reason };
}

/** Acceptance prevents conflicts between peers; a gap in it would be reported here. */
function conflictOf(conflict: StateConflict, peers: readonly AcceptedLease[], ownKey: string): UnreachedPeer {
  const { kind, kept, dropped } = conflict;
  const owner = peers.find(({ offers }) => offers.some((offer) => isFor(conflict, offer)));
  const reason = `${kind} ${JSON.stringify(dropped)} conflicts with ${JSON.stringify(kept)}`;
  return { peer: owner?.lease.key ?? ownKey, family: null, code: "conflict", reason };
}

function isFor(conflict: StateConflict, { subnets, publicIps }: Sender): boolean {
  return FAMILIES.some((family) => {
    const subnet = subnets[family];
    switch (conflict.kind) {
      case "fdb":
        return publicIps[family] === conflict.dropped.remote;
      case "route":
        return subnet === conflict.dropped.dst;
      case "neighbour":
        return subnet !== null && containsIp(subnet, conflict.dropped.ip);
      default:
        return false;
    }
  });
}

/**
 * The peer as every backend sees it: its key and its subnets. Every channel of this node accepts packets of every peer,
 * so that an end which receives a change late still gets through.
 */
function asSender({ lease, offers }: AcceptedLease): Sender {
  const sources = lease.sourceIps === undefined ? {} : { sourceIps: usable(lease.sourceIps) };
  const [{ subnets, publicIps }, ...others] = offers;
  // The objects of its only offer: there are thousands of peers.
  if (others.length === 0) return { key: lease.key, subnets, publicIps, ...sources };
  const offerIn = (family: Family) => offers.find((offer) => offer.subnets[family] !== null) ?? null;
  const v4 = offerIn("v4");
  const v6 = offerIn("v6");
  return {
    key: lease.key,
    subnets: { v4: v4?.subnets.v4 ?? null, v6: v6?.subnets.v6 ?? null },
    publicIps: { v4: v4?.publicIps.v4 ?? null, v6: v6?.publicIps.v6 ?? null },
    ...sources,
  };
}

function usable({ v4, v6 }: DualIp): DualIp {
  return {
    v4: v4 !== null && isUsableUnicast(v4) ? v4 : null,
    v6: v6 !== null && isUsableUnicast(v6) ? v6 : null,
  };
}

/**
 * The ranges from which subnets can be leased.
 * @param anyLength true where the store gives each node a subnet, from anywhere in the network
 */
export function leasableRanges({ v4, v6 }: NetworkConfig, anyLength: boolean): DualStack<AddressRange> {
  return { v4: v4 && leasableRange(v4, anyLength), v6: v6 && leasableRange(v6, anyLength) };
}

function leasableRange(plan: AddressPlan<Prefix, Ip>, anyLength: boolean): AddressRange {
  const { network, subnetLength, subnetMin, subnetMax } = plan;
  const { last } = prefixRange(anyLength ? network : prefixOf(subnetMax, subnetLength));
  return {
    first: anyLength ? prefixAddress(network) : subnetMin,
    last: ipFromBits(familyOf(subnetMin), last),
  };
}

/** @param anyLength true where the store gives each node a subnet of its own length (Kubernetes) */
export function networkRules(config: NetworkConfig, anyLength: boolean): NetworkRules {
  return { v4: config.v4 && ruleOf(config.v4, anyLength), v6: config.v6 && ruleOf(config.v6, anyLength) };
}

function ruleOf<P extends Prefix, A extends Ip>(plan: AddressPlan<P, A>, anyLength: boolean): NetworkRule<P> {
  const { network, subnetLength, subnetMin } = plan;
  if (anyLength) return { network, subnetLength: null };
  const { first, last } = leasableRange(plan, anyLength);
  const whole = spanOf(network);
  // By default the first subnet of a network is not leased, but hosts must not be in it either.
  const isFirstSkipped = whole.first === spanOf(prefixOf(subnetMin, subnetLength - 1)).first;
  const leasable = { first: isFirstSkipped ? whole.first : addressNumber(first), last: addressNumber(last) };
  return { network, subnetLength, leasable };
}
