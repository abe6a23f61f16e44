/**
 * Invariants of a plan, derived again from the leases and not from the code that plans: no two nodes have one prefix,
 * and every object for a peer comes from an accepted lease. Pure; less than a millisecond for 5,000 peers.
 */
import type { KernelState } from "../../kernel/state.ts";
import type { Lease } from "../../lease/lease.ts";
import { type DualPrefix, FAMILIES, type Prefix } from "../../net/index.ts";
import type { NetworkPlan } from "../network-plan.ts";
import type { Violation } from "./violation.ts";

export interface PlanBasis {
  readonly leases: readonly Lease[];
  readonly ownKey: string;
  readonly ownSubnets: DualPrefix;
  /** The objects that this node has without any peers. */
  readonly ownPart: KernelState;
}

export type CheckedPlan = Pick<NetworkPlan, "peers" | "state">;

export function planViolations(plan: CheckedPlan, basis: PlanBasis): readonly Violation[] {
  const shared: string[] = [];
  const unleased: string[] = [];
  const owners = ownersOf(plan, basis, shared);
  const { remotes, gateways } = checkLeases(owners, plan, basis, unleased);
  checkObjects(plan.state, { owners, remotes, gateways }, basis.ownPart, unleased);
  const violations: Violation[] = [];
  if (shared.length > 0) violations.push({ code: "shared-prefix", found: shared });
  if (unleased.length > 0) violations.push({ code: "unleased-object", found: unleased });
  return violations;
}

type Owners = ReadonlyMap<Prefix, string>;

function ownersOf({ peers }: CheckedPlan, { ownKey, ownSubnets }: PlanBasis, shared: string[]): Owners {
  const owners = new Map<Prefix, string>();
  const claim = (prefix: Prefix | null, key: string) => {
    if (prefix === null) return;
    const other = owners.get(prefix);
    if (other === undefined) owners.set(prefix, key);
    else shared.push(`${prefix} belongs to ${other} and to ${key}`);
  };
  for (const family of FAMILIES) claim(ownSubnets[family], ownKey);
  for (const { key, subnets } of peers) {
    claim(subnets.v4, key);
    claim(subnets.v6, key);
  }
  return owners;
}

interface Ends {
  /** Public addresses of the peers. */
  readonly remotes: ReadonlySet<string>;
  /** The first addresses of their subnets, at which a tunnel has their ends. */
  readonly gateways: ReadonlySet<string>;
}

/** One walk through the leases: a map of them by key would cost as much as all other checks. */
function checkLeases(
  owners: Owners,
  { peers }: CheckedPlan,
  { leases, ownKey }: PlanBasis,
  unleased: string[],
): Ends {
  const remotes = new Set<string>();
  const gateways = new Set<string>();
  let confirmed = 0;
  for (const { key, subnets, publicIps } of leases) {
    if (key === ownKey) continue;
    for (const family of FAMILIES) {
      const prefix = subnets[family];
      if (prefix === null || owners.get(prefix) !== key) continue;
      confirmed += 1;
      gateways.add(prefix.slice(0, prefix.indexOf("/")));
      if (publicIps[family] !== null) remotes.add(publicIps[family]);
    }
  }
  let claimed = 0;
  for (const { subnets } of peers) claimed += Number(subnets.v4 !== null) + Number(subnets.v6 !== null);
  if (confirmed < claimed) unleased.push(...peersWithoutLease({ peers }, leases));
  return { remotes, gateways };
}

function peersWithoutLease(
  { peers }: Pick<CheckedPlan, "peers">,
  leases: readonly Lease[],
): readonly string[] {
  const byKey = new Map(leases.map((lease) => [lease.key, lease]));
  return peers.flatMap(({ key, subnets }) =>
    FAMILIES.flatMap((family) => {
      const isLeased = subnets[family] === null || byKey.get(key)?.subnets[family] === subnets[family];
      return isLeased ? [] : `peer ${key} with ${subnets[family]}`;
    }),
  );
}

function checkObjects(
  { routes, fdb, neighbours }: KernelState,
  { owners, remotes, gateways }: Ends & { readonly owners: Owners },
  ownPart: KernelState,
  unleased: string[],
): void {
  const ownRoutes = new Set(ownPart.routes.map(({ dst }) => dst));
  for (const { dst, iface } of routes) {
    if (!owners.has(dst) && !ownRoutes.has(dst)) unleased.push(`route ${dst} dev ${iface}`);
  }
  for (const { mac, remote, iface } of fdb) {
    if (!remotes.has(remote)) unleased.push(`fdb ${mac} dst ${remote} dev ${iface}`);
  }
  for (const { ip, iface } of neighbours) {
    if (!gateways.has(ip)) unleased.push(`neighbour ${ip} dev ${iface}`);
  }
}
