/** What must hold of leases, whatever anybody writes into a store. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type AcceptContext, accept } from "../../src/lease/accept.ts";
import { allocate, fitsNetwork } from "../../src/lease/allocate.ts";
import { byAge, type NetworkRules } from "../../src/lease/claims.ts";
import { Coverage } from "../../src/lease/coverage.ts";
import type { Lease, LeaseContent } from "../../src/lease/lease.ts";
import { decodeLeaseValue, encodeLeaseValue } from "../../src/lease/lease-value.ts";
import { unparsed } from "../../src/lease/offer-reading.ts";
import { formatSubnetKey, parseSubnetKey } from "../../src/lease/subnet-key.ts";
import {
  containsPrefix,
  type DualPrefix,
  type Ipv4,
  type Ipv4Prefix,
  type Ipv6Prefix,
  ipBits,
  ipFromBits,
  overlaps,
  type Prefix,
  prefixLength,
  prefixOf,
  prefixRange,
} from "../../src/net/index.ts";
import { spanOf } from "../../src/net/span.ts";
import { TweedError } from "../../src/runtime/error.ts";
import { content, network } from "../support/lease-fixtures.ts";

const ipv4 = fc.nat(0xffffffff).map((bits) => ipFromBits("v4", BigInt(bits)) as Ipv4);
const ipv4Prefix = fc
  .tuple(ipv4, fc.integer({ min: 1, max: 31 }))
  .map(([ip, length]) => prefixOf(ip, length));
const ipv6Prefix = fc
  .tuple(fc.bigInt({ min: 0n, max: (1n << 128n) - 1n }), fc.integer({ min: 1, max: 127 }))
  .map(([bits, length]) => prefixOf(ipFromBits("v6", bits), length) as Ipv6Prefix);
const dualPrefix: fc.Arbitrary<DualPrefix> = fc
  .record({ v4: fc.option(ipv4Prefix), v6: fc.option(ipv6Prefix) })
  .filter(({ v4, v6 }) => v4 !== null || v6 !== null);

/** Few enough addresses that subnets meet. */
const crowded = fc
  .tuple(fc.nat(0xffff), fc.integer({ min: 18, max: 28 }))
  .map(([low, length]) => prefixOf(ipFromBits("v4", 0x0a050000n + BigInt(low)) as Ipv4, length));

describe("texts", () => {
  test("a key says exactly which subnets it is of", () => {
    fc.assert(
      fc.property(dualPrefix, (subnets) => {
        expect(parseSubnetKey(formatSubnetKey(subnets))).toEqual(subnets);
      }),
    );
  });

  test("no key makes the parser fail, and what it reads it would write alike but for IPv6 spellings", () => {
    const keyish = fc.stringMatching(/^[0-9a-f.:&-]{0,40}$/);
    fc.assert(
      fc.property(fc.oneof(keyish, fc.string()), (key) => {
        const subnets = parseSubnetKey(key);
        if (subnets === null) return;
        expect(parseSubnetKey(formatSubnetKey(subnets))).toEqual(subnets);
        if (subnets.v6 === null) expect(formatSubnetKey(subnets)).toBe(key);
      }),
    );
  });

  const name = fc.stringMatching(/^[a-z0-9][a-z0-9-]{0,15}$/);
  const data = fc.option(fc.jsonValue({ maxDepth: 3 }).filter((value) => JSON.stringify(value).length < 200));
  const offer = fc.record({ type: name, data: fc.record({ v4: data, v6: data }) });

  test("what is published is what is read", () => {
    const offers = fc.uniqueArray(offer, { minLength: 1, maxLength: 7, selector: (each) => each.type });
    fc.assert(
      fc.property(fc.option(ipv4), offers, (ip, [first, ...others]) => {
        if (first === undefined || ip === "0.0.0.0") return;
        const published: LeaseContent = {
          publicIps: { v4: ip, v6: null },
          offers: [first, ...others] as unknown as LeaseContent["offers"],
        };
        const text = encodeLeaseValue(published);
        // JSON has one zero; -0 is written as it.
        expect(decodeLeaseValue(Buffer.from(text))).toEqual(JSON.parse(JSON.stringify(published)));
      }),
    );
  });

  test("no value makes the decoder fail in any way but its own", () => {
    const field = fc.constantFrom("PublicIP", "publicipv6", "BackendType", "BackendData", "TweedOffers", "x");
    const object = fc.dictionary(field, fc.jsonValue()).map((value) => Buffer.from(JSON.stringify(value)));
    fc.assert(
      fc.property(
        fc.oneof(object, fc.uint8Array({ maxLength: 5000 }), fc.json().map(Buffer.from)),
        (bytes) => {
          try {
            expect(decodeLeaseValue(bytes as Uint8Array).offers.length).toBeGreaterThan(0);
          } catch (error) {
            expect(error).toBeInstanceOf(TweedError);
            expect(error).toMatchObject({ code: "invalid-lease" });
          }
        },
      ),
    );
  });
});

describe("numbers", () => {
  test("a span is the prefix's range", () => {
    fc.assert(
      fc.property(fc.oneof(ipv4Prefix, ipv6Prefix) as fc.Arbitrary<Prefix>, (prefix) => {
        const { first, last } = spanOf(prefix);
        expect({ first: BigInt(first), last: BigInt(last) }).toEqual(prefixRange(prefix));
      }),
    );
  });

  test("a coverage knows what any of its prefixes overlaps, however it was made", () => {
    fc.assert(
      fc.property(fc.array(crowded), crowded, (prefixes, asked) => {
        expect(Coverage.of(prefixes).overlaps(asked)).toBe(
          prefixes.some((prefix) => overlaps(prefix, asked)),
        );
        const claimed = new Coverage();
        const standing: Prefix[] = [];
        for (const prefix of prefixes) {
          const isFree = !standing.some((other) => overlaps(other, prefix));
          expect(claimed.claim(spanOf(prefix))).toBe(isFree);
          if (isFree) standing.push(prefix);
        }
      }),
    );
  });
});

describe("accept", () => {
  const lease = fc.record({ v4: crowded, claimedAt: fc.bigInt(0n, 5n) }).map(({ v4, claimedAt }): Lease => {
    const subnets: DualPrefix = { v4, v6: null };
    return { key: formatSubnetKey(subnets), subnets, claimedAt, ...content(null) };
  });
  const leases = fc
    .uniqueArray(lease, { maxLength: 60, selector: (each) => each.key })
    .map((list) => list.map((each, index) => ({ ...each, ...content(`192.0.2.${index + 1}`) })));
  const rules = fc.constantFrom<NetworkRules>(
    { v4: { network: "10.5.0.0/17" as Ipv4Prefix, subnetLength: null }, v6: null },
    { v4: { network: "10.5.0.0/16" as Ipv4Prefix, subnetLength: 24 }, v6: null },
  );
  const judge = (list: readonly Lease[], network: NetworkRules, own: Ipv4Prefix) => {
    const context: AcceptContext = {
      rules: network,
      own: { key: null, subnets: { v4: own, v6: null }, publicIps: { v4: null, v6: null } },
      read: unparsed,
      refuse: () => null,
      holders: null,
    };
    return accept({ leases: list, junk: [] }, context);
  };

  test("equals the rule applied one by one, oldest first", () => {
    fc.assert(
      fc.property(leases, rules, crowded, (list, network, own) => {
        const standing: Lease[] = [];
        for (const each of [...list].sort(byAge)) {
          const subnet = each.subnets.v4 as Ipv4Prefix;
          const rule = network.v4;
          if (rule === null || !containsPrefix(rule.network, subnet)) continue;
          if (rule.subnetLength !== null && prefixLength(subnet) !== rule.subnetLength) continue;
          if (overlaps(own, subnet)) continue;
          if (standing.some((other) => overlaps(other.subnets.v4 as Ipv4Prefix, subnet))) continue;
          standing.push(each);
        }
        expect(judge(list, network, own).peers.map((peer) => peer.lease)).toEqual(standing);
      }),
    );
  });

  test("does not depend on the order of the list, and accounts for every lease", () => {
    fc.assert(
      fc.property(leases, fc.func(fc.nat()), rules, crowded, (list, weight, network, own) => {
        const judged = judge(list, network, own);
        const shuffled = [...list].sort((a, b) => weight(a.key) - weight(b.key));
        expect(judge(shuffled, network, own)).toEqual(judged);
        expect(judged.peers.length + judged.rejections.length).toBe(list.length);
      }),
    );
  });
});

describe("allocate", () => {
  test("finds a free subnet exactly when there is one", () => {
    const config = network({ Network: "10.5.0.0/16", SubnetLen: 22, SubnetMin: "10.5.4.0" });
    const everySubnet = Array.from({ length: 63 }, (_, index) =>
      prefixOf(ipFromBits("v4", 0x0a050400n + BigInt(index) * 1024n) as Ipv4, 22),
    );
    fc.assert(
      fc.property(fc.array(crowded, { maxLength: 120 }), fc.nat(), (taken, draw) => {
        const clearOf = (prefixes: readonly Prefix[]) =>
          everySubnet.filter((subnet) => !prefixes.some((other) => overlaps(other, subnet)));
        // What has another length is kept clear of for as long as there is room.
        const clear = clearOf(taken);
        const free = clear.length > 0 ? clear : clearOf(taken.filter((other) => prefixLength(other) === 22));
        const find = () =>
          allocate(config, {
            previous: { v4: null, v6: null },
            taken: taken.map((v4) => ({ v4, v6: null })),
            random: { bytes: () => new Uint8Array(), below: (limit) => (limit === 0 ? 0 : draw % limit) },
            candidates: 100,
          });
        if (free.length === 0) expect(find).toThrow(expect.objectContaining({ code: "out-of-subnets" }));
        else {
          expect(find().v4).toBe(free[draw % free.length]);
          expect(fitsNetwork(config, find())).toBe(true);
        }
      }),
    );
  });

  test("leaves no lease that it made in another's way until the network is full", () => {
    const config = network({ Network: "10.5.0.0/20", SubnetLen: 24 });
    fc.assert(
      fc.property(fc.array(fc.nat(), { minLength: 15, maxLength: 15 }), (draws) => {
        const taken: DualPrefix[] = [];
        for (const draw of draws) {
          const random = { bytes: () => new Uint8Array(), below: (limit: number) => draw % limit };
          taken.push(allocate(config, { previous: { v4: null, v6: null }, taken, random, candidates: 100 }));
        }
        const firsts = taken.map(({ v4 }) => ipBits((v4 as string).split("/")[0] as Ipv4));
        expect(new Set(firsts).size).toBe(15);
      }),
    );
  });
});
