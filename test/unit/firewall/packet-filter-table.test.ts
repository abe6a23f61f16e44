import { describe, expect, test } from "vitest";
import { parseCounters } from "../../../src/kernel/firewall/nftables/counters.ts";
import { packetFilterTable } from "../../../src/kernel/firewall/nftables/packet-filter-table.ts";
import { originsOfState } from "../../../src/kernel/firewall/origins-of-state.ts";
import type { PacketFilter } from "../../../src/kernel/firewall/packet-origins.ts";
import { REFUSALS } from "../../../src/kernel/firewall/refusal.ts";
import { EMPTY_STATE, type KernelState, type RouteState } from "../../../src/kernel/state.ts";
import { parseIp, parseMac, parsePrefix } from "../../../src/net/index.ts";
import { NO_ORIGINS, STACKS } from "../../support/firewall-situation.ts";

const FILTER: PacketFilter = { ...NO_ORIGINS, ...STACKS.dual, action: "drop" };
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
      [...members].map((element) => table?.spell(element)),
    ]);
    expect(Object.fromEntries(elements)).toEqual({
      "vxlan-senders-v4": ["192.0.2.2 . 0xa2a0200-0xa2a02ff"],
      "vxlan-ends-v4": ["192.0.2.2"],
      "vxlan-senders-v6": [
        "2001:db8::2 . 0xfd000010024400020000000000000000-0xfd00001002440002ffffffffffffffff",
      ],
      "vxlan-ends-v6": ["2001:db8::2"],
    });
  });

  test("has the same body whoever the peers are", () => {
    const few = packetFilterTable({ ...FILTER, vxlan: { ...VXLAN, senders: [] } });
    expect(few?.body).toEqual(packetFilterTable({ ...FILTER, vxlan: VXLAN })?.body);
  });

  test("counts for every reason, and drops nothing where it only logs", () => {
    const body = packetFilterTable({ ...FILTER, vxlan: VXLAN, action: "log" })?.body.join("\n") ?? "";
    for (const reason of REFUSALS) expect(body).toContain(`counter ${reason} {`);
    expect(body).not.toContain("drop");
    expect(body).toContain('log prefix "tweed forged packet: "');
  });

  test("a device whose name nft cannot write matches nothing, and breaks nothing", () => {
    const arrivals = [{ iface: 'a"\n}*', linkAddress: null, source: parsePrefix("10.42.2.0/24") }];
    const table = packetFilterTable({ ...FILTER, direct: { peerInterfaces: [], arrivals } });
    expect([...(table?.elements.get("arrival-interfaces-v4") ?? [])]).toEqual(['"a??}?" . 10.42.2.0/24']);
    expect(table?.body.join()).not.toContain("iifname {");
  });
});

describe("origins read off the state", () => {
  const mac = parseMac("02:00:00:00:00:02");
  const setting = { networks: STACKS.dual.networks, directInterface: null, linkAddressOf: () => null };
  const route = (dst: string, via: string, iface: string): RouteState => {
    return { dst: parsePrefix(dst), via: parseIp(via), iface, onlink: true, protocol: 3, mtuBytes: null };
  };
  const tunnelled: KernelState = {
    ...EMPTY_STATE,
    links: [
      {
        kind: "vxlan",
        name: "flannel.1",
        mac,
        mtuBytes: 1450,
        vni: 1,
        parent: "eth0",
        local: parseIp("192.0.2.1"),
        port: null,
        learning: false,
        gbp: false,
      },
    ],
    fdb: [{ iface: "flannel.1", mac, remote: parseIp("192.0.2.2") }],
    neighbours: [{ iface: "flannel.1", ip: parseIp("10.42.2.0"), mac }],
    routes: [route("10.42.2.0/24", "10.42.2.0", "flannel.1")],
  };

  test("of nothing are nothing", () => {
    expect(originsOfState(EMPTY_STATE, setting)).toEqual(NO_ORIGINS);
  });

  test("a tunnelled peer sends from where its frames go", () => {
    expect(originsOfState(tunnelled, setting)).toEqual({
      vxlan: {
        ports: [8472],
        vnis: [1],
        senders: [{ outer: "192.0.2.2", inner: "10.42.2.0/24" }],
      },
      direct: null,
    });
  });

  test("a peer on the link arrives there from its own Ethernet address, or through the tunnel", () => {
    const mixed = { ...tunnelled, routes: [...tunnelled.routes, route("10.42.3.0/24", "192.0.2.3", "eth0")] };
    const linkAddressOf = (ip: string) => (ip === "192.0.2.3" ? mac : null);
    const { vxlan, direct } = originsOfState(mixed, { ...setting, linkAddressOf });
    expect(vxlan?.senders).toContainEqual({ outer: "192.0.2.3", inner: "10.42.3.0/24" });
    expect(direct).toEqual({
      peerInterfaces: ["flannel.1", "eth0"],
      arrivals: [
        { iface: "flannel.1", linkAddress: null, source: "10.42.2.0/24" },
        { iface: "eth0", linkAddress: mac, source: "10.42.3.0/24" },
        { iface: "flannel.1", linkAddress: null, source: "10.42.3.0/24" },
      ],
    });
  });

  test("without a peer yet, host-gw lets nobody in", () => {
    expect(originsOfState(EMPTY_STATE, { ...setting, directInterface: "eth0" }).direct).toEqual({
      peerInterfaces: ["eth0"],
      arrivals: [],
    });
  });

  test("routes to what is not the network are not looked at", () => {
    const state = { ...EMPTY_STATE, routes: [route("172.20.0.0/16", "192.0.2.9", "eth0")] };
    expect(originsOfState(state, setting)).toEqual(NO_ORIGINS);
  });
});

describe("counters", () => {
  test("are those of nft -j; what is not there counted nothing", () => {
    const text = JSON.stringify({
      nftables: [
        { metainfo: { version: "1.0.6" } },
        { counter: { family: "inet", name: "wrong-vni", packets: 3, bytes: 300 } },
        { counter: { name: "not ours", packets: 1, bytes: 1 } },
      ],
    });
    const counts = parseCounters(text);
    expect(Object.keys(counts)).toEqual([...REFUSALS]);
    expect(counts["wrong-vni"]).toEqual({ packets: 3, bytes: 300 });
    expect(counts.truncated).toEqual({ packets: 0, bytes: 0 });
  });
  test.each(["", "[]", '{"nftables":7}'])("%j is malformed", (text) => {
    expect(() => parseCounters(text)).toThrow(expect.objectContaining({ code: "nft-malformed" }));
  });
});
