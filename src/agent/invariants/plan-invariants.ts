/**
 * Invariants of a plan, derived again from the leases and not from the code that plans: no two nodes have one prefix,
 * and every object for a peer comes from an accepted lease. Pure. Peers, leases and routes are checked all; of FDB entries
 * and neighbours each plan checks the next thousand, so that 5,000 peers cost about a fiftieth of the plan.
 */
import type { KernelState } from "../../kernel/state.ts";
import type { Lease } from "../../lease/lease.ts";
import { type DualPrefix, FAMILIES, type Ip, type Prefix } from "../../net/index.ts";
import type { NetworkPlan } from "../network-plan.ts";
import type { Violation } from "./violation.ts";

export interface PlanBasis {
  readonly leases: readonly Lease[];
  readonly ownKey: string;
  readonly ownSubnets: DualPrefix;
  /** The objects that this node has without any peers. */
  readonly ownPart: KernelState;
  /** Number of the plan, which selects the objects to check; absent for the first. */
  readonly round?: number;
}

const SAMPLE = 1_000;

export type CheckedPlan = Pick<NetworkPlan, "peers" | "state">;

export function planViolations(plan: CheckedPlan, basis: PlanBasis): readonly Violation[] {
  const shared: string[] = [];
  const unleased: string[] = [];
  const owners = ownersOf(plan, basis, shared);
  const sample = sampleOf(plan.state, basis.round ?? 0);
  checkLeases(owners, plan, basis, sample, unleased);
  checkObjects(plan.state, owners, sample, basis.ownPart, unleased);
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

interface Sample {
  readonly neighbours: KernelState["neighbours"];
  /** FDB entries by remote end; a lease removes that of its address. */
  readonly fdb: Map<string, KernelState["fdb"][number]>;
}

function sampleOf({ fdb, neighbours }: KernelState, round: number): Sample {
  const entries = part(fdb, round).map((entry) => [entry.remote, entry] as const);
  return { neighbours: part(neighbours, round), fdb: new Map(entries) };
}

function part<T>(items: readonly T[], round: number): readonly T[] {
  const start = items.length === 0 ? 0 : (round * SAMPLE) % (Math.ceil(items.length / SAMPLE) * SAMPLE);
  return items.slice(start, start + SAMPLE);
}

/** One walk through the leases: a map of them by key would cost as much as all other checks. */
function checkLeases(
  owners: Owners,
  { peers }: CheckedPlan,
  { leases, ownKey }: PlanBasis,
  { fdb }: Sample,
  unleased: string[],
): void {
  let confirmed = 0;
  const confirm = (key: string, prefix: Prefix | null, remote: string | null) => {
    if (prefix === null || owners.get(prefix) !== key) return;
    confirmed += 1;
    if (remote !== null && fdb.size > 0) fdb.delete(remote);
  };
  for (const { key, subnets, publicIps } of leases) {
    if (key === ownKey) continue;
    confirm(key, subnets.v4, publicIps.v4);
    confirm(key, subnets.v6, publicIps.v6);
  }
  let claimed = 0;
  for (const { subnets } of peers) claimed += Number(subnets.v4 !== null) + Number(subnets.v6 !== null);
  if (confirmed < claimed) unleased.push(...peersWithoutLease(peers, leases));
}

function peersWithoutLease(peers: CheckedPlan["peers"], leases: readonly Lease[]): readonly string[] {
  const byKey = new Map(leases.map((lease) => [lease.key, lease]));
  return peers.flatMap(({ key, subnets }) =>
    FAMILIES.flatMap((family) => {
      const isLeased = subnets[family] === null || byKey.get(key)?.subnets[family] === subnets[family];
      return isLeased ? [] : `peer ${key} with ${subnets[family]}`;
    }),
  );
}

function checkObjects(
  { routes }: KernelState,
  owners: Owners,
  { fdb, neighbours }: Sample,
  ownPart: KernelState,
  unleased: string[],
): void {
  for (const { dst, iface } of routes) {
    if (owners.has(dst)) continue;
    if (!ownPart.routes.some((own) => own.dst === dst)) unleased.push(`route ${dst} dev ${iface}`);
  }
  for (const { mac, remote, iface } of fdb.values()) unleased.push(`fdb ${mac} dst ${remote} dev ${iface}`);
  const isFirstAddress = firstAddressCheck(owners);
  const unknown = neighbours.filter(({ ip }) => !isFirstAddress(ip));
  for (const { ip, iface } of unknown) unleased.push(`neighbour ${ip} dev ${iface}`);
}

/** A tunnel has its end at the first address of the subnet; nearly all subnets of a cluster have one length. */
function firstAddressCheck(owners: Owners): (ip: Ip) => boolean {
  const lengths = new Set<string>();
  const isFirst = (ip: Ip) => [...lengths].some((length) => owners.has(`${ip}/${length}` as Prefix));
  let isComplete = false;
  return (ip) => {
    if (isFirst(ip)) return true;
    if (isComplete) return false;
    isComplete = true;
    for (const prefix of owners.keys()) lengths.add(prefix.slice(prefix.indexOf("/") + 1));
    return isFirst(ip);
  };
}
