import { describe, expect, test } from "vitest";
import { type AcceptContext, accept, type PeerOffer } from "../../../src/lease/accept.ts";
import { AcceptMemory } from "../../../src/lease/accept-memory.ts";
import { byAge, type NetworkRules, resolveClaims } from "../../../src/lease/claims.ts";
import type { Lease, LeaseContent } from "../../../src/lease/lease.ts";
import { unparsed } from "../../../src/lease/offer-reading.ts";
import { parseIpv4, parseIpv4Prefix, parseIpv6, parseIpv6Prefix } from "../../../src/net/index.ts";
import { spanOf } from "../../../src/net/span.ts";
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
  const context: AcceptContext = {
    rules: RULES,
    own: OWN,
    read: unparsed,
    refuse: () => null,
    holders: null,
    ...changes,
  };
  const full = accept({ leases, junk: [] }, context);
  const { peers, rejections } = full;
  return {
    peers: peers.map((peer) => peer.lease.key),
    families: peers.map(({ offers: [{ subnets: s }] }) =>
      [s.v4 && "v4", s.v6 && "v6"].filter(Boolean).join(),
    ),
    codes: rejections.map(({ key, family, code }) => `${key} ${family} ${code}`),
    full,
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
          offerIndex: 0,
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
    ["10.4.2.0-24", "outside-network"],
    ["10.6.2.0-24", "outside-network"],
    ["10.0.0.0-8", "outside-network"],
    ["10.5.2.0-25", "subnet-length"],
    ["10.5.0.0-17", "subnet-length"],
  ] as const)("%s: %s", ([key, code]) => {
    expect(judge([lease(key, 1, both)])).toMatchObject({ peers: [], codes: [`${key} v4 ${code}`] });
  });

  test.for([
    [
      "10.6.2.0-24",
      "10.6.2.0/24 is outside the leasable range of network 10.5.0.0/16, 10.5.0.0 to 10.5.255.255",
    ],
    ["10.5.2.0-25", "10.5.2.0/25 has the wrong length, expected /24"],
    ["10.5.1.0-24", "10.5.1.0/24 overlaps this node's own subnet 10.5.1.0/24"],
    [
      "0.0.0.0-0&fd99::-64",
      "fd99::/64 is outside the leasable range of network fc00::/48, fc00:: to fc00::ffff:ffff:ffff:ffff:ffff",
    ],
  ] as const)("the reason is told: %s", ([key, reason]) => {
    expect(judge([lease(key, 1, both)]).full.rejections).toMatchObject([{ key, reason }]);
  });

  test("a subnet of a single address is none, where lengths may differ", () => {
    const rules: NetworkRules = {
      v4: { network: parseIpv4Prefix("10.5.0.0/16"), subnetLength: null },
      v6: null,
    };
    const single = {
      ...lease("10.5.2.0-24", 1, both),
      subnets: { v4: parseIpv4Prefix("10.5.2.1/32"), v6: null },
    };
    expect(judge([single], { rules }).full.rejections).toMatchObject([
      { code: "subnet-length", reason: "10.5.2.1/32 has the wrong length, expected shorter than /32" },
    ]);
  });

  test("a command that only reads has no subnet of its own", () => {
    const own = { key: null, subnets: { v4: null, v6: null }, publicIps: { v4: null, v6: null } };
    expect(judge([lease("10.5.1.0-24", 1, both)], { own }).peers).toEqual(["10.5.1.0-24"]);
  });

  test("a lease without a valid subnet is no claim", () => {
    expect(resolveClaims([lease("10.6.2.0-24", 1, both)], RULES, OWN, () => "a claim").claims).toEqual([]);
  });

  test("leases are in one order, whichever two are compared", () => {
    const [one, two] = [lease("10.5.2.0-24", 5, both), lease("10.5.3.0-24", 5, both)];
    const older = lease("10.5.4.0-24", 4, both);
    expect([byAge(one, two), byAge(two, one), byAge(one, one)].map(Math.sign)).toEqual([-1, 1, 0]);
    expect([byAge(older, one), byAge(one, older)].map(Math.sign)).toEqual([-1, 1]);
  });

  test("no other lease takes this node's subnet, however old", () => {
    const thief = lease("10.5.1.0-24", 0, both);
    expect(judge([thief])).toMatchObject({ peers: [], codes: ["10.5.1.0-24 v4 overlaps-own"] });
  });

  test("the older claim stands, whatever the order of the list, and the newcomer keeps its other family", () => {
    const older = lease("10.5.2.0-24&fc00:0:0:2::-64", 5, both);
    const newer = lease("10.5.2.0-24&fc00:0:0:3::-64", 6, content("192.0.2.8", "2001:db8::8"));
    const reason = "10.5.2.0/24 overlaps a subnet that was claimed earlier";
    expect(judge([older, newer]).full.rejections).toMatchObject([{ key: newer.key, reason }]);
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
      lease("10.5.66.0-24", 5, content("192.0.2.8")),
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

test.for([
  [null, "no public address is published for this family"],
  ["127.0.0.1", "public address 127.0.0.1 is not a usable unicast address"],
] as const)("the reason why an owner at %s cannot be reached is told", ([ip, reason]) => {
  expect(judge([lease("10.5.2.0-24", 1, content(ip))]).full.rejections).toMatchObject([{ reason }]);
});

describe("backends", () => {
  const hostGw = { type: "host-gw", data: { v4: null, v6: null } };
  const published: LeaseContent = { ...both, offers: [VXLAN, hostGw] };
  const peer = lease("10.5.2.0-24&fc00:0:0:2::-64", 1, published);

  test("judge each offer and family on its own, on nothing but that family", () => {
    const asked: string[] = [];
    const refuse: AcceptContext["refuse"] = (each) => {
      const { type } = each;
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

  test("get the data of each family as they have read it, and refuse what they cannot read", () => {
    const dual = { ...peer, offers: [{ type: "vxlan", data: { v4: "four", v6: "six" } }] as const };
    const usable = judge([{ ...dual, offers: [...dual.offers] }]).full.peers[0]?.offers;
    expect(usable).toMatchObject([{ subnets: peer.subnets, data: { v4: "four", v6: "six" } }]);
    const read: AcceptContext["read"] = ({ data }, family) =>
      family === "v4" ? "it is no data" : { data: data[family], conflictKeys: [] };
    const { full } = judge([{ ...dual, offers: [...dual.offers] }], { read });
    expect(full.peers[0]?.offers).toMatchObject([{ subnets: { v4: null }, data: { v4: null, v6: "six" } }]);
    expect(full.rejections).toEqual([
      { key: peer.key, family: "v4", code: "backend", reason: "it is no data" },
    ]);
  });

  test("an offer of which nothing is left is dropped, a lease of which none is left is no peer", () => {
    const refuse = ({ type }: PeerOffer) => (type === "vxlan" ? "not spoken here" : null);
    expect(judge([peer], { refuse }).full.peers[0]?.offers.map((offer) => offer.type)).toEqual(["host-gw"]);
    expect(judge([peer], { refuse: () => "nothing is spoken here" }).peers).toEqual([]);
  });
});

describe("what only one node may have", () => {
  const RULES4: NetworkRules = { v4: RULES.v4, v6: null };
  const MAC = "02:00:00:00:00:01";
  const withMac = (ip: string, mac: string): LeaseContent =>
    content(ip, null, { type: "vxlan", data: { v4: { VtepMAC: mac }, v6: null } });
  const read: AcceptContext["read"] = ({ data }, family) => {
    const { VtepMAC: value } = (data[family] ?? {}) as { readonly VtepMAC?: string };
    return {
      data: data[family],
      conflictKeys: value === undefined ? [] : [{ code: "duplicate-mac", value }],
    };
  };
  const context = { rules: RULES4, read };
  const victim = lease("10.5.2.0-24", 5, withMac("192.0.2.2", MAC));

  test.for([
    ["younger", "10.5.3.0-24", 9],
    ["older", "10.5.3.0-24", 1],
  ] as const)("an %s newcomer to a MAC is refused by name, and its owner keeps it", ([_, key, claimedAt]) => {
    const { holders } = judge([victim], context).full;
    const author = lease(key, claimedAt, withMac("192.0.2.3", MAC));
    const judged = judge([victim, author], { ...context, holders });
    expect(judged).toMatchObject({ peers: [victim.key], codes: [`${key} v4 duplicate-mac`] });
    expect(judged.full.rejections[0]?.reason).toBe(
      `${MAC} is held by ${victim.key}, which published it first`,
    );
    // And from then on, however often it is asked.
    expect(judge([victim, author], { ...context, holders: judged.full.holders }).peers).toEqual([victim.key]);
  });

  test("at a start, when nothing was seen yet, the older claim holds it", () => {
    const author = lease("10.5.3.0-24", 9, withMac("192.0.2.3", MAC));
    expect(judge([author, victim], context)).toMatchObject({ peers: [victim.key] });
  });

  test("what its holder has given up is the other's", () => {
    const author = lease("10.5.3.0-24", 9, withMac("192.0.2.3", MAC));
    const { holders } = judge([victim, author], context).full;
    const moved = { ...victim, ...withMac("192.0.2.2", "02:00:00:00:00:02") };
    const judged = judge([moved, author], { ...context, holders });
    expect(judged).toMatchObject({ peers: [victim.key, author.key], codes: [] });
  });

  test("the other offers of a refused newcomer stand", () => {
    const { holders } = judge([victim], context).full;
    const hostGw = { type: "host-gw", data: { v4: null, v6: null } };
    const published = withMac("192.0.2.3", MAC);
    const author = lease("10.5.3.0-24", 9, { ...published, offers: [...published.offers, hostGw] });
    const { peers } = judge([victim, author], { ...context, holders }).full;
    expect(peers.map(({ offers }) => offers.map(({ type }) => type))).toEqual([["vxlan"], ["host-gw"]]);
  });

  test("a public address is its older holder's, in each family on its own", () => {
    const older = lease("10.5.2.0-24&fc00:0:0:2::-64", 5, both);
    const author = lease("10.5.3.0-24&fc00:0:0:3::-64", 6, content("192.0.2.9", "2001:db8::3"));
    expect(judge([author, older])).toMatchObject({
      peers: [older.key, author.key],
      families: ["v4,v6", "v6"],
      codes: [`${author.key} v4 duplicate-public-ip`],
    });
  });

  describe("with a memory of the leases of earlier snapshots", () => {
    const newcomer = lease("10.5.3.0-24", 9, withMac("192.0.2.3", MAC));
    const other = lease("10.5.4.0-24", 9, withMac("192.0.2.4", "02:00:00:00:00:04"));

    test("a lease that has not changed is read and judged once", () => {
      const memory = new AcceptMemory();
      const asked: string[] = [];
      const counted: typeof context & Partial<AcceptContext> = {
        ...context,
        read: (offer, family) => {
          asked.push("read");
          return read(offer, family);
        },
        refuse: ({ key }: PeerOffer) => {
          asked.push(key);
          return null;
        },
      };
      const first = judge([victim, other], { ...counted, memory });
      expect(asked).toEqual(["read", "read", victim.key, other.key]);
      const { holders } = first.full;
      expect(judge([victim, other], { ...counted, memory, holders })).toEqual(first);
      expect(asked).toHaveLength(4);
      judge([victim, { ...other }], { ...counted, memory, holders });
      expect(asked.slice(4)).toEqual(["read", other.key]);
    });

    test("what another lease holds is judged anew", () => {
      const memory = new AcceptMemory();
      const holders = new Map(judge([victim], { ...context, memory }).full.holders);
      for (let turn = 0; turn < 2; turn++)
        expect(judge([victim, newcomer], { ...context, memory, holders }).codes).toEqual([
          `${newcomer.key} v4 duplicate-mac`,
        ]);
      expect(judge([newcomer], { ...context, memory, holders })).toMatchObject({
        peers: [newcomer.key],
        codes: [],
      });
      expect(judge([victim, newcomer], { ...context, memory, holders }).peers).toEqual([victim.key]);
    });

    test("holders that are carried over are updated in place", () => {
      const memory = new AcceptMemory();
      const { holders } = judge([victim], { ...context, memory }).full;
      const next = (...leases: readonly Lease[]) => judge(leases, { ...context, memory, holders });
      expect(next(victim, newcomer)).toMatchObject({ peers: [victim.key], full: { holders } });
      expect(next(newcomer).peers).toEqual([newcomer.key]);
      // It has the MAC now, and keeps it though the other claim is older.
      expect(next(victim, newcomer).peers).toEqual([newcomer.key]);
      expect(next().full.holders).toBe(holders);
      expect([...holders]).toEqual([]);
      expect(next(victim, newcomer).peers).toEqual([victim.key]);
    });

    test("a lease of which another family is valid is read anew", () => {
      const memory = new AcceptMemory();
      const dual = lease("10.5.3.0-24&fc00:0:0:3::-64", 9, both);
      const v4: NetworkRules = { v4: RULES.v4, v6: null };
      const v6: NetworkRules = { v4: null, v6: RULES.v6 };
      for (const rules of [RULES, v4, v6, RULES]) {
        expect(judge([dual], { rules, memory })).toEqual(judge([dual], { rules }));
      }
    });

    test("all are read anew when anything else has changed", () => {
      const memory = new AcceptMemory();
      memory.prepare([{ mtu: 1 }]);
      const { v4, v6 } = victim.subnets;
      const known = memory.remember({ lease: victim, subnets: { v4, v6 } }, { key: victim.key, values: [] });
      memory.prepare([{ mtu: 1 }]);
      expect(memory.recall(victim, v4, v6)).toBe(known);
      expect(memory.recall(victim, null, null)).toBeNull();
      expect(memory.recall({ ...victim }, v4, v6)).toBeNull();
      memory.prepare([{ mtu: 2 }]);
      expect(memory.recall(victim, v4, v6)).toBeNull();
    });
  });

  describe("and this node has itself", () => {
    const own = { ...OWN, key: "10.5.1.0-24", offers: withMac("192.0.2.1", MAC).offers };
    const ownLease = lease("10.5.1.0-24", 5, withMac("192.0.2.1", MAC));
    const contested = (list: readonly Lease[], holders: AcceptContext["holders"]) =>
      judge(list, { ...context, own, holders }).full.contested.map(({ by }) => by);
    const alone = () => judge([ownLease], { ...context, own }).full.holders;
    const younger = lease("10.5.3.0-24", 9, withMac("192.0.2.3", MAC));
    const older = lease("10.5.3.0-24", 1, withMac("192.0.2.3", MAC));

    test("is refused to a newcomer, and kept", () => {
      const judged = judge([ownLease, younger], { ...context, own, holders: alone() });
      expect(judged.full.rejections).toEqual([
        {
          key: "10.5.3.0-24",
          family: "v4",
          code: "duplicate-mac",
          reason: `${MAC} is held by 10.5.1.0-24, which published it first`,
        },
      ]);
      expect(judged.full.contested).toEqual([]);
    });

    test("is given up for an older lease: nodes that start would take it for the holder", () => {
      expect(contested([ownLease, older], alone())).toEqual([older.key]);
      expect(judge([ownLease, older], { ...context, own, holders: alone() }).peers).toEqual([]);
    });

    test("is contested by the oldest, and says whose peers take it for", () => {
      const between = lease("10.5.4.0-24", 7, withMac("192.0.2.4", MAC));
      const value = { code: "duplicate-mac", family: "v4", value: MAC };
      const found = (list: readonly Lease[], holders: AcceptContext["holders"]) =>
        judge(list, { ...context, own, holders }).full.contested;
      expect(found([younger, between, ownLease, older], null)).toEqual([
        { ...value, by: older.key, isTheirs: true },
      ]);
      expect(found([younger, ownLease, between], null)).toEqual([
        { ...value, by: between.key, isTheirs: false },
      ]);
    });

    test("is its own by the age of its own lease, wherever that is listed", () => {
      const bystander = lease("10.5.5.0-24", 9, withMac("192.0.2.5", "02:00:00:00:00:05"));
      const between = lease("10.5.4.0-24", 7, withMac("192.0.2.4", MAC));
      const judged = judge([bystander, ownLease, between], { ...context, own });
      expect(judged).toMatchObject({ peers: [bystander.key], codes: ["10.5.4.0-24 v4 duplicate-mac"] });
    });

    test("is given up at a start, whoever else has it", () => {
      expect(contested([ownLease, younger], null)).toEqual([younger.key]);
      expect(contested([ownLease, older], null)).toEqual([older.key]);
    });

    test("is given up where peers do not know it yet: others may have seen the copy first", () => {
      const before = lease("10.5.1.0-24", 5, withMac("192.0.2.1", "02:00:00:00:00:05"));
      expect(contested([before, younger], alone())).toEqual([younger.key]);
      expect(contested([before], alone())).toEqual([]);
    });

    test("is given up by who comes to it later", () => {
      const { holders } = judge([ownLease, younger], {
        ...context,
        own: { ...own, offers: [] },
      }).full;
      expect(contested([ownLease, younger], holders)).toEqual([younger.key]);
    });
  });
});

describe("where packets would go", () => {
  const hole: NetworkRules = {
    v4: {
      network: parseIpv4Prefix("10.0.0.0/8"),
      subnetLength: 24,
      leasable: spanOf(parseIpv4Prefix("10.5.0.0/16")),
    },
    v6: null,
  };
  const hostIps = { v4: parseIpv4("10.9.0.1"), v6: null };
  const own = { ...OWN, hostIps, nonPeerIps: new Set([parseIpv4("10.9.0.255")]) };

  test.for([
    ["10.5.121.5", "is in the range of leasable subnets, 10.5.0.0 to 10.5.255.255"],
    ["10.9.0.1", "this node's own"],
    ["10.9.0.255", "is this host's own or the broadcast address of its link"],
    ["192.0.2.1", "this node's own"],
  ] as const)("not to %s", ([ip, reason]) => {
    const { full } = judge([lease("10.5.120.0-24", 1, content(ip))], { rules: hole, own });
    expect(full.peers).toEqual([]);
    expect(full.rejections).toMatchObject([{ code: "public-ip", reason: expect.stringContaining(reason) }]);
  });

  test("but to a host in the part of the network that is not leased", () => {
    const peer = lease("10.5.120.0-24", 1, content("10.9.0.2"));
    expect(judge([peer], { rules: hole, own }).peers).toEqual([peer.key]);
  });

  test("a lease of that part would cover hosts", () => {
    const peer = lease("10.9.0.0-24", 1, content("192.0.2.9"));
    expect(judge([peer], { rules: hole, own }).codes).toEqual(["10.9.0.0-24 v4 outside-network"]);
  });
});
