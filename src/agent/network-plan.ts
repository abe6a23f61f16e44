/** From a snapshot of leases to the kernel state that this node wants. Pure. */
import type { LocalNode, Peer } from "../../backends/backend.ts";
import type { Forwarding } from "../../backends/dataplane.ts";
import { findBackend } from "../../backends/registry.ts";
import type { NetworkConfig } from "../config/network-config.ts";
import { originsOfPeers } from "../kernel/firewall/origins-of-peers.ts";
import type { PacketOrigins } from "../kernel/firewall/packet-origins.ts";
import { EMPTY_STATE, type KernelState, mergeStates } from "../kernel/state.ts";
import { type AcceptedLease, accept } from "../lease/accept.ts";
import type { NetworkRules } from "../lease/claims.ts";
import type { LeaseSnapshot } from "../lease/lease.ts";
import { FAMILIES, type Family } from "../net/index.ts";
import type { ActiveBackend } from "./active-backend.ts";
import { type ChosenPath, choosePath } from "./path-choice.ts";
import { routesWhileTurning } from "./turning.ts";

export interface NetworkPlan {
  readonly state: KernelState;
  /** What the data plane of a userspace backend shall do; null where there is none. */
  readonly forwarding: Forwarding | null;
  /** Where packets of peers may come from; whatever comes another way is forged. */
  readonly origins: PacketOrigins;
  readonly paths: readonly PeerPath[];
  readonly unreached: readonly UnreachedPeer[];
}

/** A lease, or a family of one, that gets no path. */
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
  /** What this node can receive on, its preferred one first. */
  readonly receiving: readonly ActiveBackend[];
  /** What is in force of what the store hands out: both ends choose from what both know. */
  readonly published: readonly ActiveBackend[];
  /** Whether the underlay's interface drops what does not come the way that the answer goes. */
  readonly checksReversePath: boolean;
  /** Packets for addresses of the own subnet that no pod has are dropped, not sent back where they came from. */
  readonly keepsBlackholes: boolean;
}

export function planNetwork(snapshot: LeaseSnapshot, context: PlanContext): NetworkPlan {
  const { node, ownKey, rules, receiving, published, keepsBlackholes, checksReversePath } = context;
  // Of one channel the options count that peers know of, for the paths may depend on them.
  const known = (backend: ActiveBackend) =>
    published.find((each) => each.channel === backend.channel) ?? backend;
  const backends = [...new Set([...receiving.map(known), ...published])];
  const { peers, rejections } = accept(snapshot, {
    rules,
    own: { key: ownKey, subnets: node.subnets, publicIps: node.publicIps },
    refuse: (offer, type) => findBackend(type)?.refuse(offer.data.v4 ?? offer.data.v6) ?? null,
  });
  const chosen = peers.map((accepted) => ({ accepted, path: choosePath(published, accepted) }));
  const paths = chosen.flatMap(({ path }) => path ?? []);
  const peersOn = (backend: ActiveBackend) =>
    paths.filter((path) => path.backend === backend).map((path) => path.peer);
  const others = (backend: ActiveBackend) =>
    chosen.flatMap(({ accepted, path }) => (path?.backend === backend ? [] : offerTo(backend, accepted)));
  const wanted = mergeStates(backends.map((backend) => backend.plan(node, peersOn(backend))));
  const planOthers = (backend: ActiveBackend) => {
    const offering = others(backend);
    return offering.length === 0 ? EMPTY_STATE : backend.plan(node, offering);
  };
  const possible = [...new Set([...receiving, ...backends])].map((backend) => ({
    isReceiving: receiving.includes(backend),
    plan: planOthers(backend),
  }));
  // By the options that peers are yet to hear of.
  const coming = receiving.filter((backend) => known(backend) !== backend);
  const state = mergeStates([
    {
      ...wanted,
      routes: routesWhileTurning(wanted, {
        coming: coming.flatMap((backend) => backend.plan(node, peersOn(known(backend))).routes),
        possible: possible.flatMap(({ plan }) => plan.routes),
        underlay: checksReversePath ? node.underlay : null,
      }),
    },
    ...possible.map(({ isReceiving, plan }) => (isReceiving ? preparation(plan) : EMPTY_STATE)),
    keepsBlackholes ? blackholesOf(node) : EMPTY_STATE,
  ]);
  const senders = peers.map(asKnown);
  // Also by options that peers are yet to hear of: the filters are ready when they do.
  const isBare = [...receiving, ...published].some((backend) => backend.arrivesBare);
  return {
    state,
    forwarding: forwardingFor(node, backends, senders),
    origins: originsOfPeers(state.links, senders, isBare ? node.iface.name : null),
    paths: paths.map(({ backend, peer, reason }) => ({ peer: peer.key, channel: backend.channel, reason })),
    unreached: [
      ...rejections.map(({ key: peer, family, code, reason }) => ({ peer, family, code, reason })),
      ...chosen.flatMap(({ accepted, path }) => (path === null ? foreign(accepted) : [])),
    ],
  };
}

function blackholesOf({ subnets }: LocalNode): KernelState {
  return { ...EMPTY_STATE, blackholes: FAMILIES.flatMap((family) => subnets[family] ?? []) };
}

function offerTo(backend: ActiveBackend, { offers }: AcceptedLease): readonly Peer[] {
  return offers.filter((offer) => offer.type === backend.type && backend.isOnChannel(offer.data));
}

/**
 * What paths to these peers need beside their routes. Peers that a backend could reach may turn to it any time, and
 * then only the route is missing: both ends are done in one step, so they are apart for as short a time as can be.
 */
function preparation({ fdb, neighbours }: KernelState): KernelState {
  return { ...EMPTY_STATE, fdb, neighbours };
}

/** It speaks another type, as in a cluster half migrated. */
function foreign({ lease: { key: peer, offers } }: AcceptedLease): UnreachedPeer {
  const reason = `it speaks backend ${JSON.stringify(offers[0].type)}, which this node does not run`;
  return { peer, family: null, code: "foreign-backend", reason };
}

/**
 * The peer as any backend knows it: who it is and which subnets are its own. Packets of every peer are taken on
 * every channel of this node, so that an end which learns late of a change still gets through.
 */
function asKnown({ lease, offers }: AcceptedLease): Peer {
  const subnetOf = (family: Family) => offers.find(({ subnets }) => subnets[family] !== null) ?? null;
  const v4 = subnetOf("v4");
  const v6 = subnetOf("v6");
  return {
    key: lease.key,
    subnets: { v4: v4?.subnets.v4 ?? null, v6: v6?.subnets.v6 ?? null },
    publicIps: { v4: v4?.publicIps.v4 ?? null, v6: v6?.publicIps.v6 ?? null },
    data: { v4: null, v6: null },
  };
}

function forwardingFor(
  node: LocalNode,
  backends: readonly ActiveBackend[],
  peers: readonly Peer[],
): Forwarding | null {
  for (const backend of backends) {
    const forwarding = backend.forwarding(node, peers);
    if (forwarding !== null) return forwarding;
  }
  return null;
}

/** @param anyLength true where the store gives each node a subnet of its own length (Kubernetes) */
export function networkRules(config: NetworkConfig, anyLength: boolean): NetworkRules {
  return {
    v4: config.v4 && {
      network: config.v4.network,
      subnetLength: anyLength ? null : config.v4.subnetLength,
    },
    v6: config.v6 && {
      network: config.v6.network,
      subnetLength: anyLength ? null : config.v6.subnetLength,
    },
  };
}
