/**
 * A lease hurts nobody but its author: whatever leases come into the store of a healthy cluster, the pairs that were
 * there have the same routes, FDB entries, neighbours, forwarding and senders in the packet filter as before, and nobody
 * else's packets are taken for theirs.
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { ForwardingView } from "../../backends/udp/forwarding-table.ts";
import { udpPacket } from "../../bench/packets/packets.ts";
import { planViolations } from "../../src/agent/invariants/plan-invariants.ts";
import { type NetworkPlan, networkRules, planNetwork, planOwnParts } from "../../src/agent/network-plan.ts";
import { type ActiveBackend, activateBackend, offersOf } from "../../src/agent/switch-over/active-backend.ts";
import { parseNetworkConfig } from "../../src/config/network-config.ts";
import type { Holders } from "../../src/lease/holders.ts";
import type { BackendOffer, Lease } from "../../src/lease/lease.ts";
import { formatSubnetKey } from "../../src/lease/subnet-key.ts";
import {
  containsIp,
  type DualPrefix,
  FAMILIES,
  familyOf,
  type Ip,
  type Ipv4Prefix,
  type Ipv6Prefix,
  overlaps,
  type Prefix,
  parseIpv4,
  parseIpv6,
  prefixAddress,
  prefixFamily,
} from "../../src/net/index.ts";
import type { JsonObject, JsonValue } from "../../src/runtime/json.ts";
import { honestLease } from "../support/honest-lease.ts";
import { sampleNode, samplePeer } from "../support/sample-node.ts";
import { udpForwardingOf } from "../support/udp-forwarding-of.ts";
import { LaneBench, NO_OFFLOADS } from "../support/udp-oracle/lane-bench.ts";

const NETWORKS = {
  Network: "10.244.0.0/16",
  EnableIPv6: true,
  IPv6Network: "fd00:10:244::/48",
};
const configOf = (backend: JsonObject) =>
  parseNetworkConfig(JSON.stringify({ ...NETWORKS, Backend: backend }), "test");
const backend = (options: JsonObject) => activateBackend(configOf(options));
const CLUSTERS: readonly (readonly ActiveBackend[])[] = [
  [backend({ Type: "vxlan" })],
  [backend({ Type: "vxlan", DirectRouting: true })],
  [backend({ Type: "host-gw" })],
  [backend({ Type: "udp" })],
  [backend({ Type: "host-gw" }), backend({ Type: "vxlan" })],
  [backend({ Type: "udp" }), backend({ Type: "vxlan" }), backend({ Type: "vxlan", VNI: 7 })],
];
const RULES = networkRules(configOf({ Type: "vxlan" }), false);
const NODE = sampleNode();
const HONEST = [2, 3, 4].map((number) => samplePeer(number));
/** Between those of the nodes, so that authors are older and younger than them. */
const CLAIMED_AT = 100n;

function leaseOf(peer: (typeof HONEST)[number], cluster: readonly ActiveBackend[]): Lease {
  return honestLease(peer, cluster, NODE, CLAIMED_AT + BigInt(HONEST.indexOf(peer)));
}

const OWN_KEY = formatSubnetKey(NODE.subnets);
const ownLease = (cluster: readonly ActiveBackend[]): Lease => ({
  key: OWN_KEY,
  subnets: NODE.subnets,
  publicIps: NODE.publicIps,
  claimedAt: CLAIMED_AT,
  offers: offersOf(cluster, NODE),
});

function planOf(cluster: readonly ActiveBackend[], leases: readonly Lease[], holders: Holders | null) {
  const context = { node: NODE, ownKey: OWN_KEY, rules: RULES, receiving: cluster, published: cluster };
  const plan = planNetwork(
    { leases, junk: [] },
    { ...context, keepsBlackholes: true, checksReversePath: true, holders },
  );
  const basis = { leases, ownKey: OWN_KEY, ownSubnets: NODE.subnets, ownPart: planOwnParts(cluster, NODE) };
  expect(planViolations(plan, basis)).toEqual([]);
  const { fdb, neighbours, routes } = plan.state;
  const keys = [
    ...fdb.map(({ iface, mac }) => `fdb ${iface} ${mac}`),
    ...neighbours.map(({ iface, ip }) => `neighbour ${iface} ${ip}`),
    ...routes.map(({ dst }) => `route ${dst}`),
  ];
  // The parts of one backend's plan are not compared with each other.
  expect(new Set(keys).size).toBe(keys.length);
  return plan;
}

/** Everything of everybody, things that nobody has, and junk. */
const number = fc.integer({ min: 0, max: 9 });
const subnet4 = fc.oneof(
  number.map((each) => `10.244.${each}.0/24`),
  fc.constantFrom("10.244.0.0/16", "10.244.2.0/25", "198.18.0.0/16", "10.245.1.0/24"),
) as fc.Arbitrary<string> as fc.Arbitrary<Ipv4Prefix>;
const subnet6 = fc.oneof(
  number.map((each) => `fd00:10:244:${each === 0 ? "5" : each}::/64`),
  fc.constantFrom("fd00:10:244::/48", "fd00:198:18::/64"),
) as fc.Arbitrary<string> as fc.Arbitrary<Ipv6Prefix>;
const ip4 = fc.oneof(
  number.map((each) => `198.18.1.${each}`),
  number.map((each) => `10.244.${each}.7`),
  fc.constantFrom("203.0.113.9", "127.0.0.1", "224.0.0.5", "198.18.255.255"),
);
const ip6 = fc.oneof(
  number.map((each) => `fd00:198:18::10${each}`),
  number.map((each) => `fd00:10:244:${each}::7`),
  fc.constantFrom("2001:db8::9", "::1", "fe80::1", "ff02::1"),
);
const mac = fc.oneof(
  number.map((each) => `02:00:00:00:04:0${each}`),
  number.map((each) => `02-00-00-00-06-0${each}`),
  fc.constantFrom("01:00:5e:00:00:01", "none"),
);
const data: fc.Arbitrary<JsonValue> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({ VNI: fc.constantFrom(1, 7, 9), VtepMAC: mac, DirectRouting: fc.boolean() }),
  },
  { weight: 4, arbitrary: fc.record({ VtepMAC: mac }) },
  { weight: 2, arbitrary: fc.constantFrom<JsonValue>(null, "text", [1e20], {}) },
);
const offer: fc.Arbitrary<BackendOffer> = fc.record({
  type: fc.constantFrom("vxlan", "vxlan", "host-gw", "udp", "ipip"),
  data: fc.record({ v4: data, v6: data }),
});
const orNull = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { freq: 4, nil: null });

/** A store gives whoever claims what overlaps another's subnet a later place; the rest may be of any age. */
const hostile: fc.Arbitrary<Lease> = fc
  .record({
    v4: orNull(subnet4),
    v6: orNull(subnet6),
    ips: fc.record({ v4: orNull(ip4.map(parseIpv4)), v6: orNull(ip6.map(parseIpv6)) }),
    sourceIps: fc.record({ v4: orNull(ip4.map(parseIpv4)), v6: orNull(ip6.map(parseIpv6)) }),
    offers: fc.tuple(offer, fc.array(offer, { maxLength: 3 })),
    isOlder: fc.boolean(),
  })
  .filter(({ v4, v6 }) => v4 !== null || v6 !== null)
  .map(({ v4, v6, ips, sourceIps, offers: [first, others], isOlder }) => {
    const subnets: DualPrefix = { v4, v6 };
    const covers = [NODE.subnets, ...HONEST.map((peer) => peer.subnets)].some((each) =>
      FAMILIES.some((family) => isOver(subnets[family], each[family])),
    );
    const claimedAt = isOlder && !covers ? 1n : 1000n;
    const key = formatSubnetKey(subnets);
    return { key, subnets, publicIps: ips, sourceIps, claimedAt, offers: [first, ...others] };
  });
const honestKeys = new Set([OWN_KEY, ...HONEST.map(({ subnets }) => formatSubnetKey(subnets))]);
const hostiles = fc
  .uniqueArray(hostile, { maxLength: 12, selector: ({ key }) => key })
  .map((leases) => leases.filter(({ key }) => !honestKeys.has(key)));

function isOver(one: Prefix | null, other: Prefix | null): boolean {
  return one !== null && other !== null && overlaps(one, other);
}

const honestSubnets = HONEST.flatMap(({ subnets }) => FAMILIES.flatMap((family) => subnets[family] ?? []));
const honestIps = HONEST.flatMap(({ publicIps }) => FAMILIES.flatMap((family) => publicIps[family] ?? []));
const isHonests = (prefix: Prefix) => honestSubnets.some((each) => overlaps(each, prefix));

/** What carries packets between this node and the honest ones: everything in whose way something could stand. */
function pairsOf(plan: NetworkPlan, macs: ReadonlySet<string>) {
  const { state, origins, paths } = plan;
  return {
    links: state.links,
    addresses: state.addresses,
    blackholes: state.blackholes,
    routes: state.routes.filter(({ dst }) => isHonests(dst)),
    // An FDB entry counts by its MAC as well as by where it leads to.
    fdb: state.fdb.filter((entry) => macs.has(`${entry.iface} ${entry.mac}`)),
    neighbours: state.neighbours.filter(({ ip }) => honestSubnets.some((each) => each.startsWith(`${ip}/`))),
    carried: udpForwardingOf(plan)
      ?.view.peers.flatMap((peer) => peer.paths)
      .filter(({ subnet, remote }) => isHonests(subnet) || honestIps.includes(remote.ip)),
    // Who else may send from an honest node's address is up to him whose subnet it is.
    senders: origins.vxlan?.senders.filter(({ inner }) => isHonests(inner) || isOver(inner, NODE.subnets.v4)),
    arriving: origins.arrivals && {
      tunnels: origins.arrivals.tunnels,
      underlay: origins.arrivals.underlay,
      barePeers: origins.arrivals.barePeers.filter(isHonests),
      peers: origins.arrivals.peers.filter(isHonests),
      // Of hosts in the network what is in a subnet of pods would be taken for theirs.
      hosts: origins.arrivals.hosts.filter(({ first }) =>
        [...honestSubnets, NODE.subnets.v4, NODE.subnets.v6].some(
          (each) => each !== null && familyOf(first) === prefixFamily(each) && containsIp(each, first),
        ),
      ),
    },
    paths: paths.filter(({ peer }) => honestKeys.has(peer)),
  };
}

/** Of the remotes of a forwarding table, those that an honest pod's packets are taken from. */
async function senderCheck(): Promise<(view: ForwardingView) => readonly string[]> {
  const { subnets, tun, hosts } = { subnets: NODE.subnets, tun: { v4: null, v6: null }, hosts: [] };
  const bench = await LaneBench.create({ subnets, tun, hosts, peers: [] });
  bench.setOffloads(NO_OFFLOADS);
  return (view) => {
    expect(bench.table.tryPublish(view)).toBe(true);
    const remotes = new Map(
      view.peers.flatMap(({ paths }) => paths.map(({ remote }) => [remote.ip, remote])),
    );
    return honestSubnets.flatMap((subnet) => {
      const destination = NODE.subnets[prefixFamily(subnet)];
      if (destination === null) return [];
      const ends = { source: prefixAddress(subnet), destination: prefixAddress(destination) };
      const bytes = udpPacket(ends, { sourcePort: 1, destinationPort: 2 }, new Uint8Array(8));
      const taken = [...remotes.values()].filter(
        (from) => bench.ingress([{ from, bytes }]).writes.length > 0,
      );
      return taken.map(({ ip }) => spoken(subnet, ip));
    });
  };
}
const spoken = (subnet: Prefix, ip: Ip) => `${subnet} from ${ip}`;
/** Each family travels in its own. */
const honestlySpoken = HONEST.flatMap(({ subnets, publicIps }) =>
  FAMILIES.flatMap((family) => {
    const subnet = subnets[family];
    const ip = publicIps[family];
    return subnet === null || ip === null ? [] : [spoken(subnet, ip)];
  }),
);

describe("leases that come into a healthy cluster", () => {
  it("change nothing for the pairs that were there", async () => {
    const sendersOf = await senderCheck();
    fc.assert(
      fc.property(
        fc.constantFrom(...CLUSTERS),
        fc.array(hostiles, { minLength: 1, maxLength: 4 }),
        (cluster, waves) => {
          const healthy = [ownLease(cluster), ...HONEST.map((peer) => leaseOf(peer, cluster))];
          const before = planOf(cluster, healthy, null);
          expect(before.unreached).toEqual([]);
          const macs = new Set(before.state.fdb.map(({ iface, mac }) => `${iface} ${mac}`));
          const pairs = pairsOf(before, macs);
          let { holders } = before;
          for (const wave of waves) {
            const plan = planOf(cluster, [...wave, ...healthy], holders);
            expect(pairsOf(plan, macs)).toEqual(pairs);
            const forwarding = udpForwardingOf(plan);
            if (forwarding !== null) expect(sendersOf(forwarding.view)).toEqual(honestlySpoken);
            expect(
              plan.unreached.filter(({ peer, code }) => honestKeys.has(peer) || code === "conflict"),
            ).toEqual([]);
            holders = plan.holders;
          }
        },
      ),
      { numRuns: 200 },
    );
  });

  it("change nothing for a node that starts among them, unless they claimed their subnets first", () => {
    fc.assert(
      fc.property(fc.constantFrom(...CLUSTERS), hostiles, (cluster, wave) => {
        const healthy = [ownLease(cluster), ...HONEST.map((peer) => leaseOf(peer, cluster))];
        const before = planOf(cluster, healthy, null);
        const macs = new Set(before.state.fdb.map(({ iface, mac }) => `${iface} ${mac}`));
        const younger = wave.map((lease) => ({ ...lease, claimedAt: 1000n }));
        expect(pairsOf(planOf(cluster, [...younger, ...healthy], null), macs)).toEqual(pairsOf(before, macs));
      }),
      { numRuns: 200 },
    );
  });
});
