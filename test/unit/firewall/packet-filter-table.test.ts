import { describe, expect, test } from "vitest";
import { type KnownPeer, originsOfPeers } from "../../../src/agent/firewall/origins-of-peers.ts";
import { packetFilterTable } from "../../../src/kernel/firewall/nftables/packet-filter-table.ts";
import type { Arrivals, PacketFilter } from "../../../src/kernel/firewall/packet-origins.ts";
import { REFUSALS } from "../../../src/kernel/firewall/refusal.ts";
import type { LinkState } from "../../../src/kernel/state.ts";
import {
  parseIp,
  parseIpv4,
  parseIpv4Prefix,
  parseIpv6,
  parseIpv6Prefix,
  parseMac,
  parsePrefix,
} from "../../../src/net/index.ts";
import { NO_ORIGINS, STACKS } from "../../support/firewall-situation.ts";

const { leasable, subnets } = STACKS.dual;
const FILTER: PacketFilter = { ...NO_ORIGINS, leasable, subnets, action: "drop" };
const ARRIVALS: Arrivals = {
  tunnels: ["flannel.1"],
  underlay: ["eth0"],
  bare: [],
  barePeers: [],
  peers: [parsePrefix("10.42.2.0/24")],
  hosts: [],
};
const VXLAN = {
  ports: [8472],
  vnis: [1],
  senders: [
    { outer: parseIp("192.0.2.2"), inner: parsePrefix("10.42.2.0/24") },
    { outer: parseIp("2001:db8::2"), inner: parsePrefix("fd00:10:244:2::/64") },
  ],
};

describe("the table", () => {
  test("is none when there is nothing to check", () => {
    expect(packetFilterTable(FILTER)).toBeNull();
  });

  test("has each peer in the sets of its family", () => {
    const table = packetFilterTable({ ...FILTER, vxlan: VXLAN });
    const elements = [...(table?.elements ?? [])].map(([set, members]) => [
      set,
      [...members].map((element) => table?.format(element)),
    ]);
    expect(Object.fromEntries(elements)).toEqual({
      kept: ["ipv4 timeout 280s", "ipv6 timeout 280s"],
      "vxlan-senders-v4": ["192.0.2.2 . 0xa2a0200"],
      "vxlan-other-senders-v4": [],
      "vxlan-ends-v4": ["192.0.2.2"],
      "vxlan-senders-v6": ["2001:db8::2 . 0xfd000010024400020000000000000000"],
      "vxlan-other-senders-v6": [],
      "vxlan-ends-v6": ["2001:db8::2"],
    });
  });

  test("has each peer by ipip in the sets of IPv4, and what it refuses as raw numbers", () => {
    const table = packetFilterTable({ ...FILTER, ipip: { senders: VXLAN.senders } });
    const elements = [...(table?.elements ?? [])].map(([set, members]) => [
      set,
      [...members].map((element) => table?.format(element)),
    ]);
    expect(Object.fromEntries(elements)).toMatchObject({
      "ipip-senders-v4": ["192.0.2.2 . 0xa2a0200"],
      "ipip-other-senders-v4": [],
      "ipip-ends": ["192.0.2.2"],
    });
    const chains = table?.chains.join("\n");
    expect(chains).toContain("ip protocol ipencap goto ipip-packets");
    expect(chains).toContain("@th,96,32 != { 0xa2a0100-0xa2afeff } accept");
    // A subnet that is not leased by default is a pod's too once a peer has it.
    const first = { outer: parseIp("192.0.2.9"), inner: parsePrefix("10.42.0.0/24") };
    const wider = packetFilterTable({ ...FILTER, ipip: { senders: [first] } })?.chains.join("\n");
    expect(wider).toContain("@th,96,32 != { 0xa2a0100-0xa2afeff, 0xa2a0000-0xa2a00ff } accept");
  });

  test("has the same body whoever the peers are", () => {
    const few = packetFilterTable({ ...FILTER, vxlan: { ...VXLAN, senders: [] } });
    const many = packetFilterTable({ ...FILTER, vxlan: VXLAN });
    expect([few?.sets, few?.chains]).toEqual([many?.sets, many?.chains]);
  });

  test("gives nothing a name that a version of nft may have for itself", () => {
    const table = packetFilterTable({ ...FILTER, vxlan: VXLAN, arrivals: ARRIVALS, action: "log" });
    const declared = [...(table?.sets ?? []), ...(table?.chains ?? [])];
    const names = declared.flatMap((line) => /^(?:chain|set|counter) (\S+) \{$/.exec(line)?.[1] ?? []);
    expect(names).toContain("vxlan-datagrams");
    expect(names.filter((name) => !name.includes("-"))).toEqual([
      "truncated",
      "kept",
      "report",
      "input",
      "arrivals",
    ]);
  });

  test("declares no set by the name of a type, which ends older versions of nft on the same host", () => {
    const table = packetFilterTable({ ...FILTER, vxlan: VXLAN, arrivals: ARRIVALS });
    const declared = (table?.sets ?? []).filter((line) => /^type(?:of)? /.test(line));
    expect(declared).toContain("typeof ip6 saddr");
    expect(declared.filter((line) => line.startsWith("type "))).toEqual([]);
  });

  test("counts for every reason, and drops nothing where it only logs", () => {
    const table = packetFilterTable({ ...FILTER, vxlan: VXLAN, action: "log" });
    const body = [...(table?.sets ?? []), ...(table?.chains ?? [])].join("\n");
    for (const reason of REFUSALS) expect(body).toContain(`counter ${reason} {`);
    expect(body).not.toContain("drop");
    expect(body).toContain('log prefix "tweed forged packet: "');
  });

  test("has a subnet of another length than this node's as an interval, and only that", () => {
    const other = parsePrefix("10.42.7.128/25");
    const senders = [...VXLAN.senders, { outer: parseIp("192.0.2.7"), inner: other }];
    const arrivals = { ...ARRIVALS, peers: [...ARRIVALS.peers, other] };
    const table = packetFilterTable({ ...FILTER, vxlan: { ...VXLAN, senders }, arrivals });
    const elements = (set: string) =>
      [...(table?.elements.get(set) ?? [])].map((each) => table?.format(each));
    expect(elements("vxlan-senders-v4")).toEqual(["192.0.2.2 . 0xa2a0200"]);
    expect(elements("vxlan-other-senders-v4")).toEqual(["192.0.2.7 . 0xa2a0780-0xa2a07ff"]);
    expect(elements("peers-v4")).toEqual(["10.42.2.0"]);
    expect(elements("other-peers-v4")).toEqual(["10.42.7.128/25"]);
  });

  test("a device whose name nft cannot write matches nothing, and breaks nothing", () => {
    const bare = ['a"\n}*'];
    const table = packetFilterTable({ ...FILTER, arrivals: { ...ARRIVALS, underlay: bare, bare } });
    expect(table?.chains.join("\n")).toContain('iifname { "a??}?" }');
  });

  test("speaks of subnets that can be leased, of those that are, and of nothing else in the network", () => {
    const text = (peers: readonly string[]) =>
      packetFilterTable({ ...FILTER, arrivals: { ...ARRIVALS, peers: peers.map(parsePrefix) } })?.chains.join(
        "\n",
      );
    const inside = text(["10.42.2.0/24"]);
    expect(inside).toContain('ip saddr 10.42.1.0-10.42.254.255 iifname { "eth0" } goto');
    // Left by an earlier SubnetMax.
    expect(text(["10.42.2.0/24", "10.42.255.0/24"])).toContain(
      'ip saddr { 10.42.1.0-10.42.254.255, 10.42.255.0-10.42.255.255 } iifname { "eth0" } goto',
    );
  });

  test("refuses nothing but behind the rule that asks whether a daemon keeps it", () => {
    const table = packetFilterTable({ ...FILTER, vxlan: VXLAN, arrivals: ARRIVALS });
    for (const chain of (table?.chains ?? []).join("\n").split(/^chain /m)) {
      const lines = chain.split("\n");
      const first = lines.findIndex((line) => line.includes("goto refuse-"));
      if (first < 0) continue;
      expect(lines.indexOf("meta nfproto != @kept accept")).toBeGreaterThan(0);
      expect(lines.indexOf("meta nfproto != @kept accept")).toBeLessThan(first);
    }
  });
});

describe("origins of peers", () => {
  const tunnel: LinkState = {
    kind: "vxlan",
    name: "flannel.1",
    mac: parseMac("02:00:00:00:00:01"),
    mtuBytes: 1450,
    vni: 1,
    parent: "eth0",
    local: parseIp("192.0.2.1"),
    port: null,
    learning: false,
    gbp: false,
  };
  const peer: KnownPeer = {
    subnets: { v4: parseIpv4Prefix("10.42.2.0/24"), v6: null },
    publicIps: { v4: parseIpv4("192.0.2.2"), v6: null },
  };

  const UNDERLAY = { ifaces: ["eth0"], bare: [], barePeers: new Set<never>(), hosts: [] };

  test("bind each peer's address to its subnet on every tunnel of ours", () => {
    const other = { ...tunnel, name: "flannel.7", vni: 7, port: 9000 };
    expect(originsOfPeers([tunnel, other], [tunnel, other], [peer], UNDERLAY)).toEqual({
      vxlan: { ports: [8472, 9000], vnis: [1, 7], senders: [{ outer: "192.0.2.2", inner: "10.42.2.0/24" }] },
      ipip: null,
      arrivals: {
        tunnels: ["flannel.1", "flannel.7"],
        underlay: ["eth0"],
        bare: [],
        barePeers: [],
        peers: ["10.42.2.0/24"],
        hosts: [],
      },
    });
  });

  test("let a peer on the link arrive there, on whichever link that is", () => {
    const use = { ...UNDERLAY, bare: ["eth1"], barePeers: new Set([parsePrefix("10.42.2.0/24")]) };
    const other = { ...peer, subnets: { v4: parseIpv4Prefix("10.42.3.0/24"), v6: null } };
    expect(originsOfPeers([tunnel], [tunnel], [peer, other], use).arrivals).toMatchObject({
      underlay: ["eth0", "eth1"],
      bare: ["eth1"],
      barePeers: ["10.42.2.0/24"],
      peers: ["10.42.3.0/24"],
    });
    expect(
      originsOfPeers([tunnel], [tunnel], [peer, other], { ...use, barePeers: "all" }).arrivals,
    ).toMatchObject({
      barePeers: ["10.42.2.0/24", "10.42.3.0/24"],
      peers: [],
    });
  });

  test("bind each peer's IPv4 address to its subnet on an ipip device", () => {
    const dual = {
      subnets: { ...peer.subnets, v6: parseIpv6Prefix("fd00:10:244:2::/64") },
      publicIps: { ...peer.publicIps, v6: parseIpv6("2001:db8::2") },
    };
    expect(originsOfPeers([], [{ kind: "ipip" }], [dual], UNDERLAY)).toMatchObject({
      vxlan: null,
      ipip: { senders: [{ outer: "192.0.2.2", inner: "10.42.2.0/24" }] },
    });
  });

  test("without a peer yet, let nobody in", () => {
    expect(originsOfPeers([], [], [], UNDERLAY)).toMatchObject({ vxlan: null, arrivals: { peers: [] } });
  });

  test("leave out a family that the peer lacks", () => {
    const half = { ...peer, publicIps: { v4: null, v6: null } };
    expect(originsOfPeers([tunnel], [tunnel], [half], UNDERLAY).vxlan?.senders).toEqual([]);
  });
});
