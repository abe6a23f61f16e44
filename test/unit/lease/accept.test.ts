import { describe, expect, test } from "vitest";
import { type AcceptContext, accept } from "../../../src/lease/accept.ts";
import type { NetworkRules } from "../../../src/lease/claims.ts";
import type { Lease, LeaseContent } from "../../../src/lease/lease.ts";
import { parseIpv4, parseIpv4Prefix, parseIpv6, parseIpv6Prefix } from "../../../src/net/index.ts";
import { content, lease, subnets, VXLAN } from "../../support/lease-fixtures.ts";

const RULES: NetworkRules = {
  v4: { network: parseIpv4Prefix("10.5.0.0/16"), subnetLength: 24 },
  v6: { network: parseIpv6Prefix("fc00::/48"), subnetLength: 64 },
};
const OWN: AcceptContext["own"] = {
  key: "10.5.1.0-24&fc00:0:0:1::-64",
  subnets: subnets("10.5.1.0-24&fc00:0:0:1::-64"),
  publicIps: { v4: parseIpv4("192.0.2.1"), v6: parseIpv6("2001:db8::1") },
};
const both = content("192.0.2.9", "2001:db8::9");

function judge(leases: readonly Lease[], changes: Partial<AcceptContext> = {}) {
  const context: AcceptContext = { rules: RULES, own: OWN, refuse: () => null, ...changes };
  const { peers, rejections } = accept({ leases, junk: [] }, context);
  return {
    peers: peers.map((peer) => peer.lease.key),
    families: peers.map(({ offers: [{ subnets: s }] }) =>
      [s.v4 && "v4", s.v6 && "v6"].filter(Boolean).join(),
    ),
    codes: rejections.map(({ key, family, code }) => `${key} ${family} ${code}`),
    full: { peers, rejections },
  };
}

test("a sound lease becomes a peer as its owner published it", () => {
  const sound = lease("10.5.2.0-24&fc00:0:0:2::-64", 7, both);
  const { full, codes } = judge([sound]);
  expect(codes).toEqual([]);
  expect(full.peers).toEqual([
    {
      lease: sound,
      offers: [
        {
          type: "vxlan",
          key: sound.key,
          subnets: sound.subnets,
          publicIps: both.publicIps,
          data: VXLAN.data,
        },
      ],
    },
  ]);
});

test("this node's own lease is no peer and no rejection", () => {
  expect(judge([lease(OWN.key as string, 1, both)])).toMatchObject({ peers: [], codes: [] });
});

describe("whose subnet it is", () => {
  test.for([
    ["10.6.2.0-24", "outside-network"],
    ["10.0.0.0-8", "outside-network"],
    ["10.5.2.0-25", "subnet-length"],
    ["10.5.0.0-17", "subnet-length"],
  ] as const)("%s: %s", ([key, code]) => {
    expect(judge([lease(key, 1, both)])).toMatchObject({ peers: [], codes: [`${key} v4 ${code}`] });
  });

  test("no other lease takes this node's subnet, however old", () => {
    const thief = lease("10.5.1.0-24", 0, both);
    expect(judge([thief])).toMatchObject({ peers: [], codes: ["10.5.1.0-24 v4 overlaps-own"] });
  });

  test("the older claim stands, whatever the order of the list, and the newcomer keeps its other family", () => {
    const older = lease("10.5.2.0-24&fc00:0:0:2::-64", 5, both);
    const newer = lease("10.5.2.0-24&fc00:0:0:3::-64", 6, content("192.0.2.8", "2001:db8::8"));
    for (const list of [
      [older, newer],
      [newer, older],
    ]) {
      expect(judge(list)).toMatchObject({
        peers: [older.key, newer.key],
        families: ["v4,v6", "v6"],
        codes: [`${newer.key} v4 overlaps-older`],
      });
    }
  });

  test("equal ages are told apart by key", () => {
    const one = lease("10.5.2.0-24", 5, both);
    const two = lease("10.5.2.0-24&fc00:0:0:3::-64", 5, both);
    expect(judge([two, one]).codes).toEqual([`${two.key} v4 overlaps-older`]);
  });

  test("a claim that was refused takes nothing from others", () => {
    const wide = lease("10.5.0.0-17", 1, both);
    expect(judge([wide, lease("10.5.2.0-24", 2, both)]).peers).toEqual(["10.5.2.0-24"]);
  });

  test("a claim stands against newcomers though its owner cannot be reached", () => {
    const unreachable = lease("10.5.2.0-24", 1, content("127.0.0.1"));
    const newcomer = lease("10.5.2.0-24&fc00:0:0:3::-64", 2, content("192.0.2.8"));
    expect(judge([unreachable, newcomer]).peers).toEqual([]);
  });

  test("where lengths may differ, overlaps are found both ways round", () => {
    const rules: NetworkRules = {
      v4: { network: parseIpv4Prefix("10.5.0.0/16"), subnetLength: null },
      v6: null,
    };
    const leases = [
      lease("10.5.64.0-18", 3, both),
      lease("10.5.65.0-24", 2, both),
      lease("10.5.65.128-25", 4, both),
      lease("10.5.66.0-24", 5, both),
    ];
    expect(judge(leases, { rules })).toMatchObject({
      peers: ["10.5.65.0-24", "10.5.66.0-24"],
      codes: ["10.5.64.0-18 v4 overlaps-older", "10.5.65.128-25 v4 overlaps-older"],
    });
  });
});

describe("families", () => {
  test("one that this node has switched off is neither used nor refused", () => {
    const rules: NetworkRules = { v4: RULES.v4, v6: null };
    const dual = lease("10.5.2.0-24&fd99::-64", 1, both);
    expect(judge([dual], { rules })).toMatchObject({ families: ["v4"], codes: [] });
  });

  test("one that the lease lacks is no fault", () => {
    const leases = [
      lease("10.5.2.0-24", 1, content("192.0.2.9")),
      lease("0.0.0.0-0&fc00:0:0:3::-64", 2, both),
    ];
    expect(judge(leases)).toMatchObject({ families: ["v4", "v6"], codes: [] });
  });

  test("one that is outside the network leaves the other", () => {
    const half = lease("10.9.2.0-24&fc00:0:0:2::-64", 1, both);
    expect(judge([half])).toMatchObject({ families: ["v6"], codes: [`${half.key} v4 outside-network`] });
  });
});

describe("where its owner is", () => {
  const at = (v4: string | null, v6: string | null): LeaseContent => content(v4, v6);
  test.for([
    [at(null, "2001:db8::9"), "v4"],
    [at("0.0.0.1", "2001:db8::9"), "v4"],
    [at("127.0.0.1", "2001:db8::9"), "v4"],
    [at("224.0.0.1", "2001:db8::9"), "v4"],
    [at("255.255.255.255", "2001:db8::9"), "v4"],
    [at("192.0.2.1", "2001:db8::9"), "v4"],
    [at("10.5.2.7", "2001:db8::9"), "v4"],
    [at("192.0.2.9", null), "v6"],
    [at("192.0.2.9", "::1"), "v6"],
    [at("192.0.2.9", "fe80::1"), "v6"],
    [at("192.0.2.9", "ff02::1"), "v6"],
    [at("192.0.2.9", "2001:db8::1"), "v6"],
    [at("192.0.2.9", "fc00:0:0:2::7"), "v6"],
  ] as const)("%j loses %s only", ([published, family]) => {
    const peer = lease("10.5.2.0-24&fc00:0:0:2::-64", 1, published);
    const other = family === "v4" ? "v6" : "v4";
    expect(judge([peer])).toMatchObject({ families: [other], codes: [`${peer.key} ${family} public-ip`] });
  });
});

describe("backends", () => {
  const hostGw = { type: "host-gw", data: { v4: null, v6: null } };
  const published: LeaseContent = { ...both, offers: [VXLAN, hostGw] };
  const peer = lease("10.5.2.0-24&fc00:0:0:2::-64", 1, published);

  test("judge each offer and family on its own, on nothing but that family", () => {
    const asked: string[] = [];
    const refuse: AcceptContext["refuse"] = (each, type) => {
      const family = each.subnets.v4 === null ? "v6" : "v4";
      const other = family === "v4" ? "v6" : "v4";
      expect([each.subnets[other], each.publicIps[other], each.data[other]]).toEqual([null, null, null]);
      asked.push(`${type} ${family}`);
      return type === "vxlan" && family === "v6" ? "no MAC for IPv6" : null;
    };
    const { full } = judge([peer], { refuse });
    expect(asked).toEqual(["vxlan v4", "vxlan v6", "host-gw v4", "host-gw v6"]);
    const [vxlan, gateway] = full.peers[0]?.offers ?? [];
    expect(vxlan).toMatchObject({
      type: "vxlan",
      subnets: { v6: null },
      publicIps: { v6: null },
      data: { v6: null },
    });
    expect(gateway).toMatchObject({ type: "host-gw", subnets: peer.subnets });
    expect(full.rejections).toEqual([
      { key: peer.key, family: "v6", code: "backend", reason: "no MAC for IPv6" },
    ]);
  });

  test("an offer of which nothing is left is dropped, a lease of which none is left is no peer", () => {
    const refuse = (_: unknown, type: string) => (type === "vxlan" ? "not spoken here" : null);
    expect(judge([peer], { refuse }).full.peers[0]?.offers.map((offer) => offer.type)).toEqual(["host-gw"]);
    expect(judge([peer], { refuse: () => "nothing is spoken here" }).peers).toEqual([]);
  });
});
