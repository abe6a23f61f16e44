import { describe, expect, test } from "vitest";
import { packetFilterTable } from "../../../src/kernel/firewall/nftables/packet-filter-table.ts";
import { type KnownPeer, originsOfPeers } from "../../../src/kernel/firewall/origins-of-peers.ts";
import type { PacketFilter } from "../../../src/kernel/firewall/packet-origins.ts";
import { REFUSALS } from "../../../src/kernel/firewall/refusal.ts";
import type { LinkState } from "../../../src/kernel/state.ts";
import { parseIp, parseIpv4, parseIpv4Prefix, parseMac, parsePrefix } from "../../../src/net/index.ts";
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
    const many = packetFilterTable({ ...FILTER, vxlan: VXLAN });
    expect([few?.sets, few?.chains]).toEqual([many?.sets, many?.chains]);
  });

  test("counts for every reason, and drops nothing where it only logs", () => {
    const table = packetFilterTable({ ...FILTER, vxlan: VXLAN, action: "log" });
    const body = [...(table?.sets ?? []), ...(table?.chains ?? [])].join("\n");
    for (const reason of REFUSALS) expect(body).toContain(`counter ${reason} {`);
    expect(body).not.toContain("drop");
    expect(body).toContain('log prefix "tweed forged packet: "');
  });

  test("a device whose name nft cannot write matches nothing, and breaks nothing", () => {
    const direct = { peerInterfaces: ['a"\n}*'], sources: [parsePrefix("10.42.2.0/24")] };
    const table = packetFilterTable({ ...FILTER, direct });
    expect([...(table?.elements.get("arrivals-v4") ?? [])]).toEqual(['"a??}?" . 10.42.2.0/24']);
    expect(table?.chains.join("\n")).toContain('iifname { "a??}?" }');
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

  test("of nothing are nothing", () => {
    expect(originsOfPeers([], [peer], null)).toEqual(NO_ORIGINS);
  });

  test("bind each peer's address to its subnet on every tunnel of ours", () => {
    const other = { ...tunnel, name: "flannel.7", vni: 7, port: 9000 };
    expect(originsOfPeers([tunnel, other], [peer], null)).toEqual({
      vxlan: { ports: [8472, 9000], vnis: [1, 7], senders: [{ outer: "192.0.2.2", inner: "10.42.2.0/24" }] },
      direct: null,
    });
  });

  test("let a peer on the link arrive there or through the tunnel", () => {
    expect(originsOfPeers([tunnel], [peer], "eth0").direct).toEqual({
      peerInterfaces: ["eth0", "flannel.1"],
      sources: ["10.42.2.0/24"],
    });
  });

  test("without a peer yet, let nobody in", () => {
    expect(originsOfPeers([], [], "eth0").direct).toEqual({ peerInterfaces: ["eth0"], sources: [] });
  });

  test("leave out a family that the peer lacks", () => {
    const half = { ...peer, publicIps: { v4: null, v6: null } };
    expect(originsOfPeers([tunnel], [half], null).vxlan?.senders).toEqual([]);
  });
});
