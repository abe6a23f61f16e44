import { describe, expect, it } from "vitest";
import {
  leasableRanges,
  networkRules,
  planNetwork,
  planOwnPart,
  planOwnParts,
} from "../../../src/agent/network-plan.ts";
import {
  type ActiveBackend,
  activateBackend,
  offersOf,
  ownPlan,
} from "../../../src/agent/switch-over/active-backend.ts";
import { parseNetworkConfig } from "../../../src/config/network-config.ts";
import { EMPTY_STATE, type KernelState } from "../../../src/kernel/state.ts";
import type { Lease } from "../../../src/lease/lease.ts";
import { parseIp, parseIpv4, parseIpv6, parseMac } from "../../../src/net/index.ts";
import { addressNumber } from "../../../src/net/span.ts";
import type { JsonObject } from "../../../src/runtime/json.ts";
import { sampleNode, samplePeer, vtepIdentity } from "../../support/sample-node.ts";
import { udpForwardingOf } from "../../support/udp-forwarding-of.ts";

const configOf = (backend: JsonObject) =>
  parseNetworkConfig(JSON.stringify({ Network: "10.244.0.0/16", Backend: backend }), "test");
const backend = (options: JsonObject) => activateBackend(configOf(options));
const VXLAN = backend({ Type: "vxlan" });
const DIRECT = backend({ Type: "vxlan", DirectRouting: true });
const HOST_GW = backend({ Type: "host-gw" });
const UDP = backend({ Type: "udp" });

/** Node 2, which receives on these, its preferred one first. */
function peer(...receiving: readonly ActiveBackend[]): Lease {
  return peerOf(2, receiving);
}

function peerOf(number: number, receiving: readonly ActiveBackend[]): Lease {
  const { key, subnets, publicIps } = samplePeer(number);
  const identities = vtepIdentity({
    v4: parseMac(`02:00:00:00:04:0${number}`),
    v6: parseMac(`02:00:00:00:06:0${number}`),
  });
  const host = { ...sampleNode(), publicIps, identities, iface: { ...sampleNode().iface, ips: publicIps } };
  return {
    key,
    subnets: { v4: subnets.v4, v6: null },
    publicIps: { v4: publicIps.v4, v6: null },
    claimedAt: 1n,
    offers: offersOf(receiving, host),
  };
}

function planFor(
  receiving: readonly ActiveBackend[],
  published: readonly ActiveBackend[],
  lease: Lease | readonly Lease[],
  checksReversePath = false,
) {
  const { subnets, ...node } = sampleNode();
  const rules = networkRules(configOf({ Type: "vxlan" }), false);
  const local = { ...node, subnets: { v4: subnets.v4, v6: null } };
  return planNetwork(
    { leases: [lease].flat(), junk: [] },
    { node: local, ownKey: "own", rules, receiving, published, keepsBlackholes: false, checksReversePath },
  );
}

const toPeer = ({ state }: ReturnType<typeof planFor>) => ({
  route: state.routes.map(({ iface }) => iface),
  fdb: state.fdb.map(({ remote }) => remote),
  neighbours: state.neighbours.map(({ ip }) => ip),
});

describe("planNetwork", () => {
  it("receives on options that peers have read, and that others have replaced before they were in force", () => {
    // The simulator found packets dropped, seed 1, history 2: peers route directly, this node does so no longer.
    const plan = planFor([backend({ Type: "vxlan" }), DIRECT], [VXLAN], peer(VXLAN), true);
    expect(plan.state.routes).toMatchObject([{ iface: "flannel.1", alsoFrom: { iface: "eth0" } }]);
    expect(plan.origins.arrivals).toMatchObject({ bare: ["eth0"], barePeers: ["10.244.2.0/24"] });
    expect(plan.unreached).toEqual([]);
  });

  it("receives on them also where nothing of their channel is in force", () => {
    const plan = planFor([VXLAN, DIRECT, HOST_GW], [HOST_GW], peer(HOST_GW, VXLAN), true);
    expect(plan.unreached).toEqual([]);
    expect(plan.origins.arrivals).toMatchObject({ barePeers: ["10.244.2.0/24"] });
  });

  it("has a tunnel ready for a peer that may turn to it, and leaves the route where it is", () => {
    const plan = planFor([VXLAN, HOST_GW], [VXLAN, HOST_GW], peer(HOST_GW, VXLAN));
    expect(plan.paths).toMatchObject([{ channel: "vxlan 1" }]);
    const behind = planFor([VXLAN, HOST_GW], [HOST_GW], peer(VXLAN, HOST_GW));
    expect(behind.paths).toMatchObject([{ channel: "host-gw" }]);
    expect(toPeer(behind)).toEqual({ route: ["eth0"], fdb: ["198.18.1.2"], neighbours: ["10.244.2.0"] });
  });

  it("has it ready where the peer still routes directly, too", () => {
    const plan = planFor([VXLAN], [DIRECT], peer(DIRECT));
    expect(toPeer(plan)).toEqual({ route: ["eth0"], fdb: ["198.18.1.2"], neighbours: ["10.244.2.0"] });
  });

  it("makes nothing for a backend that the peer does not offer", () => {
    const plan = planFor([HOST_GW, VXLAN], [HOST_GW, VXLAN], peer(HOST_GW));
    expect(toPeer(plan)).toEqual({ route: ["eth0"], fdb: [], neighbours: [] });
  });

  it("lets a peer send from the address behind its NAT", () => {
    const lan = parseIpv4("198.18.7.7");
    const { origins } = planFor([VXLAN], [VXLAN], { ...peer(VXLAN), sourceIps: { v4: lan, v6: null } });
    const inner = "10.244.2.0/24";
    expect(origins.vxlan?.senders).toEqual([
      { outer: "198.18.1.2", inner },
      { outer: lan, inner },
    ]);
  });

  it("lets it do so also where another node publishes that address, or sends from it too", () => {
    const lan = parseIpv4("198.18.1.3");
    const sourceIps = { v4: lan, v6: null };
    const both = [VXLAN, UDP];
    const publishes = { ...peerOf(3, both), claimedAt: 2n };
    const sends = { ...publishes, publicIps: { v4: parseIpv4("198.18.1.4"), v6: null }, sourceIps };
    for (const third of [publishes, sends]) {
      const plan = planFor(both, both, [third, { ...peer(...both), sourceIps }]);
      expect(plan.origins.vxlan?.senders).toContainEqual({ outer: lan, inner: "10.244.2.0/24" });
      expect(udpForwardingOf(plan)?.view.peers).toContainEqual({
        paths: [
          {
            subnet: "10.244.2.0/24",
            remote: { ip: "198.18.1.2", port: 8285, mtuBytes: 1472, source: lan },
          },
        ],
      });
    }
  });

  it("lets nobody send from what is no host's address", () => {
    const sourceIps = { v4: parseIpv4("224.0.0.1"), v6: null };
    const { origins } = planFor([VXLAN], [VXLAN], { ...peer(VXLAN), sourceIps });
    expect(origins.vxlan?.senders).toEqual([{ outer: "198.18.1.2", inner: "10.244.2.0/24" }]);
  });

  it("lets bare packets in before peers hear that they may send them, and as long as they may", () => {
    const origins = (receiving: ActiveBackend, published: ActiveBackend) =>
      planFor([receiving], [published], peer(VXLAN)).origins.arrivals?.bare;
    expect(origins(DIRECT, VXLAN)).toEqual(["eth0"]);
    expect(origins(VXLAN, DIRECT)).toEqual(["eth0"]);
    expect(origins(VXLAN, VXLAN)).toEqual([]);
  });

  it("lets bare packets in from a peer that may still send them, and from no other", () => {
    // The peer's direct routes are in use until it knows that both prefer udp.
    const leases = [peer(UDP, DIRECT), peerOf(3, [UDP, VXLAN])];
    const { paths, origins } = planFor([UDP, VXLAN], [UDP, VXLAN], leases);
    expect(paths).toMatchObject([{ channel: "udp" }, { channel: "udp" }]);
    expect(origins.arrivals).toMatchObject({ bare: ["eth0"], barePeers: ["10.244.2.0/24"] });
  });

  it("lets bare packets in from a peer that asks for direct routes although this node does not", () => {
    const { state, origins } = planFor([VXLAN], [VXLAN], peer(DIRECT));
    expect(state.routes).toMatchObject([{ iface: "eth0" }]);
    expect(origins.arrivals).toMatchObject({ underlay: ["eth0"], bare: ["eth0"], tunnels: ["flannel.1"] });
  });

  it("tells another VNI from another backend", () => {
    const other = peer(backend({ Type: "vxlan", VNI: 7 }));
    expect(planFor([VXLAN], [VXLAN], other).unreached).toEqual([
      {
        peer: "peer2",
        family: null,
        code: "foreign-channel",
        reason: "it uses vxlan 7, this node uses vxlan 1",
      },
    ]);
  });

  it("reaches a peer that names no VNI by its own", () => {
    const offers = [{ type: "vxlan", data: { v4: { VtepMAC: "02-00-00-00-04-02" }, v6: null } }] as const;
    const plan = planFor([VXLAN], [VXLAN], { ...peer(VXLAN), offers: [...offers] });
    expect(plan.unreached).toEqual([]);
    expect(toPeer(plan)).toEqual({
      route: ["flannel.1"],
      fdb: ["198.18.1.2"],
      neighbours: ["10.244.2.0"],
    });
  });

  it("has no route by host-gw to a peer that is on no link, and says so", () => {
    const far = { ...peer(HOST_GW), publicIps: { v4: parseIpv4("203.0.113.9"), v6: null } };
    const plan = planFor([HOST_GW], [HOST_GW], far);
    expect(plan.state.routes).toEqual([]);
    expect(plan.unreached).toMatchObject([
      {
        peer: "peer2",
        family: "v4",
        code: "backend",
        reason: expect.stringContaining("203.0.113.9 is not on the link"),
      },
    ]);
  });

  it.each([
    ["another node's pod", "10.244.121.5", "public-ip"],
    ["this node's own pod", "10.244.1.5", "public-ip"],
    ["this host", "198.18.1.1", "public-ip"],
  ])("does not carry packets by udp to %s", (_, ip, code) => {
    const looped = { ...peer(UDP), publicIps: { v4: parseIpv4(ip), v6: null } };
    const plan = planFor([UDP], [UDP], looped);
    expect(udpForwardingOf(plan)?.view.peers).toEqual([]);
    expect(plan.unreached).toMatchObject([{ peer: "peer2", family: "v4", code }]);
  });

  it("has no path to a peer that offers a backend which it does not know", () => {
    const offers: Lease["offers"] = [{ type: "wireguard", data: { v4: "key", v6: null } }];
    const { unreached, state } = planFor([VXLAN], [VXLAN], { ...peer(VXLAN), offers });
    expect(state.routes).toEqual([]);
    expect(unreached).toMatchObject([
      { peer: "peer2", code: "foreign-backend", reason: expect.stringContaining('"wireguard"') },
    ]);
  });

  it("tells of leases without a path, and why", () => {
    const { unreached, paths } = planFor([HOST_GW], [HOST_GW], peer(VXLAN));
    expect(paths).toEqual([]);
    expect(unreached).toEqual([
      { peer: "peer2", family: null, code: "foreign-backend", reason: expect.stringContaining('"vxlan"') },
    ]);
  });
});

describe("planNetwork where the reverse path is checked", () => {
  type Backends = readonly ActiveBackend[];
  const routeFor = (receiving: Backends, published: Backends, lease: Lease) =>
    planFor(receiving, published, lease, true).state.routes.find(({ dst }) => dst === "10.244.2.0/24");
  const bare = { iface: "eth0", via: "198.18.1.2" };
  const direct = expect.not.objectContaining({ alsoFrom: expect.anything() });

  it.each<[string, Backends, Backends, Lease, object]>([
    [
      "before peers hear that they may",
      [HOST_GW, VXLAN],
      [VXLAN],
      peer(HOST_GW, VXLAN),
      { iface: "flannel.1" },
    ],
    ["when they may also come directly", [DIRECT], [VXLAN], peer(VXLAN), { iface: "flannel.1" }],
    [
      "while they may still",
      [UDP, HOST_GW],
      [UDP, HOST_GW],
      peer(UDP, HOST_GW),
      { iface: "flannel0", via: null },
    ],
  ])("takes bare packets beside those of a tunnel %s", (_, receiving, published, lease, own) => {
    expect(routeFor(receiving, published, lease)).toMatchObject({ ...own, alsoFrom: bare });
  });

  it("sends through the tunnel before peers hear that it no longer routes directly", () => {
    expect(routeFor([VXLAN], [DIRECT], peer(VXLAN))).toMatchObject({ iface: "flannel.1", alsoFrom: bare });
    expect(routeFor([VXLAN], [DIRECT], peer(DIRECT))).toEqual(direct);
  });

  it("sends by one way where peers cannot come by another", () => {
    expect(routeFor([VXLAN], [VXLAN], peer(VXLAN))).toEqual(direct);
    expect(routeFor([HOST_GW, VXLAN], [HOST_GW, VXLAN], peer(VXLAN))).toEqual(direct);
    expect(routeFor([HOST_GW, VXLAN], [HOST_GW, VXLAN], peer(HOST_GW, VXLAN))).toEqual(direct);
  });

  it("leaves a route alone that the kernel would refuse for a gateway behind a router", () => {
    const far = { ...peer(UDP, HOST_GW), publicIps: { v4: parseIpv4("203.0.113.9"), v6: null } };
    expect(planFor([UDP, HOST_GW], [UDP, HOST_GW], far, true).state.routes).toEqual([
      expect.objectContaining({ dst: "10.244.0.0/16", iface: "flannel0" }),
    ]);
  });

  it("is as it is elsewhere where it is not checked", () => {
    const routes = planFor([UDP, HOST_GW], [UDP, HOST_GW], peer(UDP, HOST_GW)).state.routes;
    expect(routes).toEqual([expect.objectContaining({ dst: "10.244.0.0/16" })]);
  });
});

describe("planNetwork in both families", () => {
  const config = parseNetworkConfig(
    JSON.stringify({
      Network: "10.244.0.0/16",
      IPv6Network: "fd00:10:244::/48",
      EnableIPv6: true,
      Backend: { Type: "vxlan" },
    }),
    "test",
  );
  const vxlan = activateBackend(config);
  const context = {
    node: sampleNode(),
    ownKey: "own",
    rules: networkRules(config, false),
    receiving: [vxlan],
    published: [vxlan],
    keepsBlackholes: false,
    checksReversePath: false,
  };
  const dual: Lease = { ...peer(vxlan), ...samplePeer(2), offers: peer(vxlan).offers };
  const plan = (leases: Lease | readonly Lease[], more: Partial<typeof context> = {}) =>
    planNetwork({ leases: [leases].flat(), junk: [] }, { ...context, ...more });

  it("knows a peer by its subnets and addresses of both", () => {
    const { key, subnets, publicIps } = samplePeer(2);
    expect(plan(dual).peers).toEqual([{ key, subnets, publicIps }]);
    expect(plan({ ...dual, publicIps: { ...publicIps, v4: null } }).peers).toEqual([
      { key, subnets: { v4: null, v6: subnets.v6 }, publicIps: { v4: null, v6: publicIps.v6 } },
    ]);
    expect(plan({ ...dual, publicIps: { ...publicIps, v6: null } }).peers).toEqual([
      { key, subnets: { v4: subnets.v4, v6: null }, publicIps: { v4: publicIps.v4, v6: null } },
    ]);
  });

  it("knows a peer of several offers by the first of each family that is usable", () => {
    const { key, subnets, publicIps } = samplePeer(2);
    const [offer] = dual.offers;
    const offers = (first: object): Lease["offers"] => [
      { ...offer, data: { ...offer.data, ...first } },
      { type: "udp", data: { v4: null, v6: null } },
    ];
    for (const first of [{}, { v4: "no MAC" }, { v6: "no MAC" }])
      expect(plan({ ...dual, offers: offers(first) }).peers).toEqual([{ key, subnets, publicIps }]);
    const only = { ...dual, offers: offers({ v6: "no MAC" }).slice(0, 1) as unknown as Lease["offers"] };
    expect(plan(only).peers).toEqual([
      { key, subnets: { v4: subnets.v4, v6: null }, publicIps: { v4: publicIps.v4, v6: null } },
    ]);
    const v4Only = { ...dual, offers: offers({}), publicIps: { v4: publicIps.v4, v6: null } };
    expect(plan(v4Only).peers).toEqual([
      { key, subnets: { v4: subnets.v4, v6: null }, publicIps: { v4: publicIps.v4, v6: null } },
    ]);
    const v6Only = { ...dual, offers: offers({}), publicIps: { v4: null, v6: publicIps.v6 } };
    expect(plan(v6Only).peers).toEqual([
      { key, subnets: { v4: null, v6: subnets.v6 }, publicIps: { v4: null, v6: publicIps.v6 } },
    ]);
  });

  it("contests a MAC of its own that a peer publishes, by any backend that works on this host", () => {
    const { identities } = sampleNode();
    const host = { ...sampleNode(), identities };
    const twin: Lease = { ...dual, offers: offersOf([vxlan], host) };
    expect(plan(twin).contested).toMatchObject([
      { code: "duplicate-mac", family: "v4", by: dual.key },
      { code: "duplicate-mac", family: "v6", by: dual.key },
    ]);
    const unsuitable = { ...vxlan, refuseHost: () => "not here" };
    expect(plan(twin, { receiving: [unsuitable], published: [unsuitable] }).contested).toEqual([]);
    expect(plan(twin, { receiving: [unsuitable, vxlan], published: [unsuitable] }).contested).toHaveLength(2);
  });

  it("admits packets on the underlay's interface, and has no effect beside kernel objects", () => {
    const { origins, effects } = plan(dual);
    expect(effects).toEqual([]);
    expect(origins.arrivals?.underlay).toEqual(["eth0"]);
  });

  it("has the objects of its backends without those for peers", () => {
    const other = activateBackend({ ...config, backend: { type: "vxlan", options: { VNI: 7 } } });
    const { links } = planOwnParts([vxlan, other], sampleNode());
    expect(links.map(({ name }) => name)).toEqual(["flannel.1", "flannel-v6.1", "flannel.7", "flannel-v6.7"]);
  });

  it("takes source addresses that a host can have, in each family", () => {
    const v4 = parseIpv4("198.18.7.7");
    const v6 = parseIpv6("fd00:198:18::77");
    const sources = (ips: Lease["sourceIps"] & object) => plan({ ...dual, sourceIps: ips }).peers;
    expect(sources({ v4, v6 })).toMatchObject([{ sourceIps: { v4, v6 } }]);
    expect(sources({ v4: null, v6 })).toMatchObject([{ sourceIps: { v4: null, v6 } }]);
    expect(sources({ v4, v6: null })).toMatchObject([{ sourceIps: { v4, v6: null } }]);
    expect(sources({ v4: parseIpv4("127.0.0.1"), v6: parseIpv6("::1") })).toMatchObject([
      { sourceIps: { v4: null, v6: null } },
    ]);
  });

  it("drops packets to unused addresses of its own subnets, where it is asked to", () => {
    const blackholes = ["10.244.1.0/24", "fd00:10:244:1::/64"];
    expect(plan(dual, { keepsBlackholes: true }).state.blackholes).toEqual(blackholes);
    expect(plan(dual).state.blackholes).toEqual([]);
    const v4Only = { ...sampleNode(), subnets: { ...sampleNode().subnets, v6: null } };
    expect(plan(dual, { node: v4Only, keepsBlackholes: true }).state.blackholes).toEqual(
      blackholes.slice(0, 1),
    );
    expect(planOwnPart(vxlan, sampleNode(), true)).toEqual({
      ...ownPlan(vxlan, sampleNode()).state,
      blackholes,
    });
    expect(planOwnPart(vxlan, sampleNode(), false)).toEqual(ownPlan(vxlan, sampleNode()).state);
  });

  /** A second backend whose objects clash with those of the first, as acceptance never lets it happen. */
  function clashing(change: (state: KernelState) => KernelState): ActiveBackend {
    return {
      ...vxlan,
      channel: "clash",
      plan(node, peers) {
        const made = vxlan.plan(node, {
          ...peers,
          carried: plan(dual).paths.length > 0 ? [samplePeer(2)] : [],
        });
        return { ...made, state: change(made.state) };
      },
    };
  }

  it.each<[string, (state: KernelState) => KernelState, string]>([
    [
      "an FDB entry",
      ({ fdb }) => ({
        ...EMPTY_STATE,
        fdb: fdb.map((each) => ({ ...each, remote: samplePeer(2).publicIps.v6 ?? each.remote })),
      }),
      "peer2",
    ],
    [
      "a route",
      ({ routes }) => ({ ...EMPTY_STATE, routes: routes.map((each) => ({ ...each, iface: "x" })) }),
      "peer2",
    ],
    [
      "a neighbour",
      ({ neighbours }) => ({
        ...EMPTY_STATE,
        neighbours: neighbours.map((each) => ({ ...each, mac: parseMac("02:00:00:00:04:09") })),
      }),
      "peer2",
    ],
    [
      "a device",
      ({ links }) => ({ ...EMPTY_STATE, links: links.map((each) => ({ ...each, mtuBytes: 9 })) }),
      "own",
    ],
  ])("reports %s that two backends want differently, and whose it is", (_, change, owner) => {
    const both = { receiving: [vxlan, clashing(change)], published: [vxlan, clashing(change)] };
    const bystander: Lease = {
      ...peerOf(3, [vxlan]),
      ...samplePeer(3),
      offers: peerOf(3, [vxlan]).offers,
      claimedAt: 0n,
    };
    const { unreached } = plan([bystander, dual], both);
    expect(unreached.length).toBeGreaterThan(0);
    for (const each of unreached) {
      expect(each).toEqual({
        peer: owner,
        family: null,
        code: "conflict",
        reason: expect.stringMatching(/^(?:fdb|route|neighbour|link) \{.* conflicts with \{/),
      });
    }
  });
});

describe("the addresses that are leased from", () => {
  const config = parseNetworkConfig(
    JSON.stringify({
      Network: "10.244.0.0/16",
      SubnetLen: 24,
      IPv6Network: "fd00:10:244::/48",
      IPv6SubnetLen: 64,
      EnableIPv6: true,
      Backend: { Type: "vxlan" },
    }),
    "test",
  );
  const bounded = parseNetworkConfig(
    JSON.stringify({
      Network: "10.244.0.0/16",
      SubnetLen: 24,
      SubnetMin: "10.244.16.0",
      SubnetMax: "10.244.31.0",
      Backend: { Type: "vxlan" },
    }),
    "test",
  );

  it("run from the first subnet that may be leased to the end of the last", () => {
    expect(leasableRanges(config, false)).toEqual({
      v4: { first: "10.244.1.0", last: "10.244.255.255" },
      v6: { first: "fd00:10:244:1::", last: "fd00:10:244:ffff:ffff:ffff:ffff:ffff" },
    });
    expect(leasableRanges(bounded, false)).toEqual({
      v4: { first: "10.244.16.0", last: "10.244.31.255" },
      v6: null,
    });
  });

  it("are the whole network where the store gives each node its subnet", () => {
    expect(leasableRanges(config, true)).toEqual({
      v4: { first: "10.244.0.0", last: "10.244.255.255" },
      v6: { first: "fd00:10:244::", last: "fd00:10:244:ffff:ffff:ffff:ffff:ffff" },
    });
    expect(networkRules(config, true)).toEqual({
      v4: { network: "10.244.0.0/16", subnetLength: null },
      v6: { network: "fd00:10:244::/48", subnetLength: null },
    });
  });

  it("include for hosts the first subnet, which is skipped by default, and not one that the configuration skips", () => {
    const range = (first: string, last: string) => ({ first: spanStart(first), last: spanStart(last) });
    expect(networkRules(config, false)).toEqual({
      v4: { network: "10.244.0.0/16", subnetLength: 24, leasable: range("10.244.0.0", "10.244.255.255") },
      v6: {
        network: "fd00:10:244::/48",
        subnetLength: 64,
        leasable: range("fd00:10:244::", "fd00:10:244:ffff:ffff:ffff:ffff:ffff"),
      },
    });
    expect(networkRules(bounded, false)).toEqual({
      v4: { network: "10.244.0.0/16", subnetLength: 24, leasable: range("10.244.16.0", "10.244.31.255") },
      v6: null,
    });
  });

  const spanStart = (ip: string) => addressNumber(parseIp(ip));
});
