/** Chooses free subnets: flannel's walk from SubnetMin to SubnetMax, without its cost per lease. */
import type { AddressPlan } from "../config/address-plan.ts";
import type { NetworkConfig } from "../config/network-config.ts";
import {
  addressBits,
  type DualPrefix,
  FAMILIES,
  type Ip,
  type Ipv4,
  type Ipv4Prefix,
  type Ipv6,
  type Ipv6Prefix,
  ipBits,
  ipFromBits,
  overlaps,
  type Prefix,
  prefixFamily,
  prefixLength,
  prefixOf,
  prefixRange,
} from "../net/index.ts";
import { spanOf } from "../net/span.ts";
import { TweedError } from "../runtime/error.ts";
import type { Random } from "../runtime/random.ts";
import { Coverage } from "./coverage.ts";

/** As flannel: draw one of the first hundred free subnets, so that nodes that start together seldom collide. */
export const CANDIDATES = 100;

export interface Wanted {
  /** Taken if it is free and fits, before any other. */
  readonly previous: DualPrefix;
  /** Subnets of all leases that are not about to be deleted. */
  readonly taken: readonly DualPrefix[];
  readonly random: Random;
  /** How many free subnets to draw from. */
  readonly candidates: number;
}

/**
 * A free subnet for each family that the network has, chosen independently.
 * @throws TweedError `out-of-subnets`, retryable because leases expire
 */
export function allocate(config: NetworkConfig, wanted: Wanted): DualPrefix {
  return {
    v4: config.v4 === null ? null : choose<Ipv4Prefix, Ipv4>(config.v4, wanted, wanted.previous.v4, "v4"),
    v6: config.v6 === null ? null : choose<Ipv6Prefix, Ipv6>(config.v6, wanted, wanted.previous.v6, "v6"),
  };
}

/**
 * Subnets of another length that overlap the allocated ones: no lease of this network can have that length, so they
 * do not prevent the allocation.
 */
export function blockersOf(subnets: DualPrefix, taken: readonly DualPrefix[]): readonly Prefix[] {
  return FAMILIES.flatMap((family) => {
    const subnet = subnets[family];
    if (subnet === null) return [];
    return taken.flatMap((other) => other[family] ?? []).filter((prefix) => overlaps(prefix, subnet));
  });
}

/** True when this network could lease `subnets`: each enabled family is in range, and no other family is present. */
export function fitsNetwork(config: NetworkConfig, subnets: DualPrefix): boolean {
  return fitsPlan(config.v4, subnets.v4) && fitsPlan(config.v6, subnets.v6);
}

function choose<P extends Ipv4Prefix | Ipv6Prefix, A extends Ip>(
  plan: AddressPlan<P, A>,
  wanted: Wanted,
  previous: P | null,
  family: "v4" | "v6",
): P {
  const claimed = wanted.taken.flatMap((subnets) => subnets[family] ?? []);
  // A subnet of another length belongs to no peer. The first pass avoids it, as nodes of an earlier configuration may
  // still use it; the second ignores it, or one lease of the whole network would block all others.
  const alike = claimed.filter((subnet) => prefixLength(subnet) === plan.subnetLength);
  for (const prefixes of alike.length === claimed.length ? [alike] : [claimed, alike]) {
    const taken = Coverage.of(prefixes);
    if (previous !== null && fitsPlan(plan, previous) && !taken.overlaps(previous)) return previous;
    const candidates = freeSubnets(plan, taken, wanted.candidates);
    const chosen = candidates[wanted.random.below(candidates.length)];
    if (chosen !== undefined) return chosen;
  }
  throw new TweedError({
    code: "out-of-subnets",
    operation: "allocate subnet",
    reason:
      `network ${plan.network} has no free /${plan.subnetLength} from ${plan.subnetMin} to ${plan.subnetMax}, ` +
      `where ${alike.length} are taken; ` +
      "delete leases of nodes that are gone, or give the network more room (Network, SubnetLen, SubnetMin, SubnetMax)",
    retryable: true,
  });
}

/** The first free subnets in order, at most `limit`. */
function freeSubnets<P extends Prefix, A extends Ip>(
  plan: AddressPlan<P, A>,
  taken: Coverage,
  limit: number,
): P[] {
  const family = prefixFamily(plan.network);
  const size = 1n << BigInt(addressBits(family) - plan.subnetLength);
  const end = ipBits(plan.subnetMax);
  const free: P[] = [];
  for (let first = ipBits(plan.subnetMin); first <= end && free.length < limit; ) {
    const subnet = prefixOf(ipFromBits(family, first), plan.subnetLength) as P;
    const takenTo = taken.lastTakenWithin(spanOf(subnet));
    if (takenTo === null) {
      free.push(subnet);
      first += size;
    } else {
      // To the first boundary after the whole covered range: a wide lease costs one step, not one per subnet.
      first = (BigInt(takenTo) / size + 1n) * size;
    }
  }
  return free;
}

function fitsPlan(plan: AddressPlan<Prefix, Ip> | null, subnet: Prefix | null): boolean {
  if (plan === null || subnet === null) return plan === null && subnet === null;
  const { first } = prefixRange(subnet);
  return (
    prefixLength(subnet) === plan.subnetLength &&
    first >= ipBits(plan.subnetMin) &&
    first <= ipBits(plan.subnetMax)
  );
}
