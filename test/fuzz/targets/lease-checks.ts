/** What holds for every snapshot of leases, whoever wrote them: one node's plan with them is checked. */
import { serialize } from "node:v8";
import { networkRules, planNetwork } from "../../../src/agent/network-plan.ts";
import {
  type ActiveBackend,
  activateBackend,
  offersOf,
} from "../../../src/agent/switch-over/active-backend.ts";
import { parseNetworkConfig } from "../../../src/config/network-config.ts";
import type { NetworkRules } from "../../../src/lease/claims.ts";
import type { Lease, LeaseSnapshot } from "../../../src/lease/lease.ts";
import { decodeLeaseValue, encodeLeaseValue } from "../../../src/lease/lease-value.ts";
import { formatSubnetKey, parseSubnetKey } from "../../../src/lease/subnet-key.ts";
import { containsPrefix, FAMILIES, overlaps, type Prefix } from "../../../src/net/index.ts";
import { TweedError } from "../../../src/runtime/error.ts";
import type { JsonObject } from "../../../src/runtime/json.ts";
import { honestLease } from "../../support/honest-lease.ts";
import { sampleNode, samplePeer } from "../../support/sample-node.ts";
import { asWritten } from "../json-numbers.ts";
import { expectPlain, expectShort } from "../plain-data.ts";
import { invariant } from "../target.ts";

const NETWORKS = { Network: "10.244.0.0/16", EnableIPv6: true, IPv6Network: "fd00:10:244::/48" };
const configOf = (backend: JsonObject) =>
  parseNetworkConfig(JSON.stringify({ ...NETWORKS, Backend: backend }), "fuzz");
const backendOf = (options: JsonObject) => activateBackend(configOf(options));

const NODE = sampleNode();
const OWN_KEY = formatSubnetKey(NODE.subnets);
/** All of them at once: each offer of a lease is read by its backend. */
const BACKENDS: readonly ActiveBackend[] = [
  backendOf({ Type: "vxlan", DirectRouting: true }),
  backendOf({ Type: "udp" }),
  backendOf({ Type: "host-gw" }),
];
const CONFIG = configOf({ Type: "vxlan" });
const RULES: Readonly<Record<"leased" | "assigned", NetworkRules>> = {
  leased: networkRules(CONFIG, false),
  assigned: networkRules(CONFIG, true),
};

/** Nodes that were there before. */
const HONEST: readonly Lease[] = [2, 3].map((number) => honestLease(samplePeer(number), BACKENDS, NODE, 1n));
const OWN: Lease = {
  key: OWN_KEY,
  subnets: NODE.subnets,
  publicIps: NODE.publicIps,
  claimedAt: 1n,
  offers: offersOf(BACKENDS, NODE),
};

/** A reason quotes a part of the value, and an address. */
const MAX_REASON = 400;

/** @param subnets who assigns them: then they may have any length */
export function checkSnapshot(snapshot: LeaseSnapshot, subnets: "leased" | "assigned"): void {
  expectShort(
    snapshot.junk.map(({ reason }) => reason),
    MAX_REASON,
    "the reason of an unreadable lease",
  );
  if (snapshot.leases.length === 0) return;
  for (const lease of snapshot.leases) expectPlain({ ...lease, claimedAt: null });
  // Most mutations of an input do not change what is read from it, and a plan takes longer than to read.
  const leases = `${subnets} ${serialize(snapshot.leases).toString("latin1")}`;
  if (CHECKED.has(leases)) return;
  checkLeases(snapshot, subnets);
  if (CHECKED.size >= MAX_CHECKED) CHECKED.clear();
  CHECKED.add(leases);
}

const CHECKED = new Set<string>();
const MAX_CHECKED = 2000;

function checkLeases(snapshot: LeaseSnapshot, subnets: "leased" | "assigned"): void {
  for (const lease of snapshot.leases) checkLease(lease, subnets);
  const known = new Set([OWN_KEY, ...HONEST.map(({ key }) => key)]);
  const others = snapshot.leases.filter(({ key }) => !known.has(key));
  const { state, unreached, peers } = planNetwork(
    { leases: [OWN, ...HONEST, ...others], junk: snapshot.junk },
    {
      ...{ node: NODE, ownKey: OWN_KEY, rules: RULES[subnets], receiving: BACKENDS, published: BACKENDS },
      ...{ keepsBlackholes: true, checksReversePath: true, holders: null },
    },
  );
  expectShort(
    unreached.map(({ reason }) => reason),
    MAX_REASON,
    "the reason of an unreached peer",
  );
  for (const { dst } of state.routes) invariant(isWithinNetwork(dst), "routes lie inside the network");
  for (const { key } of HONEST) {
    invariant(
      peers.some((peer) => peer.key === key),
      "the peers that were there first are accepted",
    );
  }
  // O(n²), of at most some dozens.
  const accepted = peers.flatMap((peer) => FAMILIES.flatMap((family) => peer.subnets[family] ?? []));
  for (const [index, prefix] of accepted.entries()) {
    invariant(isWithinNetwork(prefix), "accepted subnets lie inside the network");
    invariant(
      FAMILIES.every((family) => !isOver(prefix, NODE.subnets[family])),
      "no accepted subnet covers this node's",
    );
    invariant(
      !accepted.some((other, at) => at < index && overlaps(prefix, other)),
      "no two accepted subnets overlap",
    );
  }
}

function checkLease(lease: Lease, subnets: "leased" | "assigned"): void {
  if (subnets === "leased") {
    const again = parseSubnetKey(formatSubnetKey(lease.subnets));
    invariant(
      again !== null && FAMILIES.every((family) => again[family] === lease.subnets[family]),
      "a key that is written again names the same subnets",
    );
  }
  const written = { ...lease, offers: asWritten(lease.offers) as Lease["offers"] };
  const text = encoded(written);
  if (text === null) return;
  invariant(
    encoded({ ...written, ...decodeLeaseValue(Buffer.from(text)) }) === text,
    "a lease that is written and read again is written the same",
  );
}

/** null where it would be too large: nothing that was read is written back, and a value may grow. */
function encoded(lease: Lease): string | null {
  try {
    return encodeLeaseValue(lease);
  } catch (error) {
    if (error instanceof TweedError && error.code === "lease-too-large") return null;
    throw error;
  }
}

function isWithinNetwork(prefix: Prefix): boolean {
  return FAMILIES.some((family) => {
    const plan = CONFIG[family];
    return plan !== null && containsPrefix(plan.network, prefix);
  });
}

function isOver(one: Prefix, other: Prefix | null): boolean {
  return other !== null && overlaps(one, other);
}
