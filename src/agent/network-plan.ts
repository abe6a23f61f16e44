/** From a snapshot of leases to the kernel state that this node wants. Pure. */
import type { LocalNode } from "../../backends/backend.ts";
import type { Forwarding } from "../../backends/dataplane.ts";
import { findBackend } from "../../backends/registry.ts";
import type { NetworkConfig } from "../config/network-config.ts";
import type { KernelState } from "../kernel/state.ts";
import { accept } from "../lease/accept.ts";
import type { NetworkRules, Rejection } from "../lease/claims.ts";
import type { LeaseSnapshot } from "../lease/lease.ts";
import type { ActiveBackend } from "./active-backend.ts";

export interface NetworkPlan {
  readonly state: KernelState;
  /** What the data plane of a userspace backend shall do; null where there is none. */
  readonly forwarding: Forwarding | null;
  /** How many peers the state reaches. */
  readonly peers: number;
  /** Leases that speak no backend that this node runs: another type, as in a cluster half migrated. */
  readonly foreign: readonly { readonly key: string; readonly type: string }[];
  readonly rejections: readonly Rejection[];
}

export function planNetwork(
  snapshot: LeaseSnapshot,
  context: {
    readonly node: LocalNode;
    readonly ownKey: string;
    readonly rules: NetworkRules;
    readonly backend: ActiveBackend;
  },
): NetworkPlan {
  const { node, ownKey, rules, backend } = context;
  const { peers, rejections } = accept(snapshot, {
    rules,
    own: { key: ownKey, subnets: node.subnets, publicIps: node.publicIps },
    refuse: (offer, type) => findBackend(type)?.refuse(offer.data.v4 ?? offer.data.v6) ?? null,
  });
  const reachable = peers.flatMap((peer) => peer.offers.find((offer) => offer.type === backend.type) ?? []);
  const foreign = peers
    .filter((peer) => peer.offers.every((offer) => offer.type !== backend.type))
    .map((peer) => ({ key: peer.lease.key, type: peer.offers[0].type }));
  return {
    state: backend.plan(node, reachable),
    forwarding: backend.forwarding(node, reachable),
    peers: reachable.length,
    foreign,
    rejections,
  };
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
