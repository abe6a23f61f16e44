/** From a snapshot of leases to the kernel state that this node wants. Pure. */
import type { LocalNode } from "../../backends/backend.ts";
import type { Forwarding } from "../../backends/dataplane.ts";
import { findBackend } from "../../backends/registry.ts";
import type { NetworkConfig } from "../config/network-config.ts";
import { type KernelState, mergeStates } from "../kernel/state.ts";
import { type AcceptedLease, accept } from "../lease/accept.ts";
import type { NetworkRules, Rejection } from "../lease/claims.ts";
import type { LeaseSnapshot } from "../lease/lease.ts";
import type { ActiveBackend } from "./active-backend.ts";
import { type ChosenPath, choosePath } from "./path-choice.ts";

export interface NetworkPlan {
  readonly state: KernelState;
  /** What the data plane of a userspace backend shall do; null where there is none. */
  readonly forwarding: Forwarding | null;
  readonly paths: readonly PeerPath[];
  /** Leases that speak no backend that this node receives on: another type, as in a cluster half migrated. */
  readonly foreign: readonly { readonly key: string; readonly type: string }[];
  readonly rejections: readonly Rejection[];
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
  /** What of it peers have been told: both ends choose from what both know. */
  readonly published: readonly ActiveBackend[];
}

export function planNetwork(snapshot: LeaseSnapshot, context: PlanContext): NetworkPlan {
  const { node, ownKey, rules, receiving, published } = context;
  // Of one channel the newer options count; one that peers still believe in is kept.
  const newest = (old: ActiveBackend) => receiving.find((each) => each.channel === old.channel) ?? old;
  const offered = published.map(newest);
  const backends = [...new Set([...receiving, ...offered])];
  const { peers, rejections } = accept(snapshot, {
    rules,
    own: { key: ownKey, subnets: node.subnets, publicIps: node.publicIps },
    refuse: (offer, type) => findBackend(type)?.refuse(offer.data.v4 ?? offer.data.v6) ?? null,
  });
  const chosen = peers.map((accepted) => ({ accepted, path: choosePath(offered, accepted) }));
  const paths = chosen.flatMap(({ path }) => path ?? []);
  const peersOn = (backend: ActiveBackend) =>
    paths.filter((path) => path.backend === backend).map((path) => path.peer);
  return {
    state: mergeStates(backends.map((backend) => backend.plan(node, peersOn(backend)))),
    forwarding: forwardingFor(node, backends, peers),
    paths: paths.map(({ backend, peer, reason }) => ({ peer: peer.key, channel: backend.channel, reason })),
    foreign: chosen
      .filter(({ path }) => path === null)
      .map(({ accepted: { lease } }) => ({ key: lease.key, type: lease.offers[0].type })),
    rejections,
  };
}

/** Of all who may send on it, also of those that other paths lead to: an end that learns late still gets through. */
function forwardingFor(
  node: LocalNode,
  backends: readonly ActiveBackend[],
  peers: readonly AcceptedLease[],
): Forwarding | null {
  for (const backend of backends) {
    const senders = peers.flatMap(
      ({ offers }) =>
        offers.find((offer) => offer.type === backend.type && backend.isOnChannel(offer.data)) ?? [],
    );
    const forwarding = backend.forwarding(node, senders);
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
