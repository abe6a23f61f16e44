/** The leases of a store as text, each with the reason why nodes refuse it. */
import { BACKENDS } from "../../backends/registry.ts";
import { readConfiguration } from "../agent/configuration/configuration.ts";
import { networkRules } from "../agent/network-plan.ts";
import { offerReader } from "../agent/offer-reader.ts";
import { accept } from "../lease/accept.ts";
import type { Lease, LeaseSnapshot } from "../lease/lease.ts";
import type { LeaseStore } from "../lease/store.ts";
import { printableField } from "../runtime/printable.ts";

/**
 * As a node judges them that starts now. What depends on the node, for example whether an address is on its link, is
 * not judged.
 * @param configuration text of the network configuration; null where there is none, and then no lease is judged
 */
export function leaseLines(
  snapshot: LeaseSnapshot,
  configuration: string | null,
  subnets: LeaseStore["subnets"],
): readonly string[] {
  const refusals = configuration === null ? new Map() : refusalsIn(snapshot, configuration, subnets);
  const lines = snapshot.leases.map((lease) => {
    const reason = refusals.get(lease.key);
    return printableField(`${describeLease(lease)}${reason === undefined ? "" : `  REFUSED: ${reason}`}`);
  });
  return [
    ...lines,
    ...snapshot.junk.map(({ key, reason }) => printableField(`${key}: not a lease: ${reason}`)),
  ];
}

function refusalsIn(
  snapshot: LeaseSnapshot,
  configuration: string,
  subnets: LeaseStore["subnets"],
): ReadonlyMap<string, string> {
  const isAssigned = subnets === "assigned";
  const { config } = readConfiguration(
    configuration,
    "the store",
    isAssigned ? { onIgnored() {} } : "leased",
  );
  const { rejections } = accept(snapshot, {
    rules: networkRules(config, isAssigned),
    own: { key: null, subnets: { v4: null, v6: null }, publicIps: { v4: null, v6: null } },
    read: offerReader(BACKENDS),
    refuse: () => null,
    holders: null,
  });
  const refusals = new Map<string, string>();
  for (const { key, reason } of rejections) {
    const earlier = refusals.get(key);
    refusals.set(key, earlier === undefined || earlier === reason ? reason : `${earlier}; ${reason}`);
  }
  return refusals;
}

function describeLease(lease: Lease): string {
  const subnets = [lease.subnets.v4, lease.subnets.v6].filter((subnet) => subnet !== null);
  const ips = [lease.publicIps.v4, lease.publicIps.v6].filter((ip) => ip !== null);
  const types = lease.offers.map((offer) => offer.type);
  return `${lease.key}  ${subnets.join(" ")}  at ${ips.join(" ")}  through ${types.join(", ")}`;
}
