import { describe, expect, test } from "vitest";
import { allocate, CANDIDATES, fitsNetwork } from "../../../src/lease/allocate.ts";
import { planClaim, previousLease, warnOfBlockers } from "../../../src/lease/claim-plan.ts";
import type { StoredLease } from "../../../src/lease/stored-lease.ts";
import { type DualPrefix, parseIpv4Prefix } from "../../../src/net/index.ts";
import type { Random } from "../../../src/runtime/random.ts";
import { content, lease, NO_SUBNETS, network, request, subnets } from "../../support/lease-fixtures.ts";
import { RecordingLog } from "../../support/recording-log.ts";

const V4 = network({ Network: "10.3.0.0/16" });
const DUAL = network({ Network: "10.3.0.0/16", EnableIPv6: true, IPv6Network: "fc00::/48" });
const V6_ONLY = network({ EnableIPv4: false, EnableIPv6: true, IPv6Network: "fc00::/48" });

const drawing = (pick: (limit: number) => number): Random => ({
  bytes: (count) => new Uint8Array(count),
  below: pick,
});
const first = drawing(() => 0);
const last = drawing((limit) => limit - 1);
const want = (
  changes: { taken?: DualPrefix[]; previous?: DualPrefix; random?: Random; candidates?: number } = {},
) => ({
  taken: [],
  previous: NO_SUBNETS,
  random: first,
  candidates: CANDIDATES,
  ...changes,
});

describe("allocate", () => {
  test("walks from SubnetMin, and draws from the first hundred that are free", () => {
    expect(allocate(V4, want())).toEqual(subnets("10.3.1.0-24"));
    expect(allocate(V4, want({ random: last }))).toEqual(subnets("10.3.100.0-24"));
    expect(allocate(V4, want({ random: last, candidates: 200 }))).toEqual(subnets("10.3.200.0-24"));
  });

  test("steps over leases of any length", () => {
    const taken = [subnets("10.3.0.0-22"), subnets("10.3.4.128-25"), subnets("10.3.6.0-24")];
    expect(allocate(V4, want({ taken }))).toEqual(subnets("10.3.5.0-24"));
  });

  test("chooses each family on its own", () => {
    const taken = [subnets("10.3.1.0-24&fc00:0:0:1::-64"), subnets("0.0.0.0-0&fc00:0:0:2::-64")];
    expect(allocate(DUAL, want({ taken }))).toEqual(subnets("10.3.2.0-24&fc00:0:0:3::-64"));
  });

  test("ends in an IPv6-only network", () => {
    expect(allocate(V6_ONLY, want())).toEqual(subnets("0.0.0.0-0&fc00:0:0:1::-64"));
    const full = network({
      EnableIPv4: false,
      EnableIPv6: true,
      IPv6Network: "fc00::/48",
      IPv6SubnetMin: "fc00:0:0:1::",
      IPv6SubnetMax: "fc00:0:0:1::",
    });
    const taken = [subnets("0.0.0.0-0&fc00:0:0:1::-64")];
    expect(() => allocate(full, want({ taken }))).toThrow(/fc00::\/48 has no free \/64/);
  });

  test("takes the last subnet too, also at the end of the address space", () => {
    const edge = network({
      Network: "255.255.0.0/16",
      SubnetMin: "255.255.254.0",
      SubnetMax: "255.255.255.0",
    });
    expect(allocate(edge, want({ taken: [subnets("255.255.254.0-24")] }))).toEqual(
      subnets("255.255.255.0-24"),
    );
    const taken = [subnets("255.255.254.0-24"), subnets("255.255.255.0-24")];
    expect(() => allocate(edge, want({ taken }))).toThrow(
      expect.objectContaining({
        code: "out-of-subnets",
        operation: "allocate subnet",
        retryable: true,
        message: expect.stringMatching(/2 are taken; delete leases of nodes that are gone/),
      }),
    );
  });

  test("honours the previous subnet of each family where it is free and fits", () => {
    const previous = subnets("10.3.77.0-24&fc00:0:0:77::-64");
    expect(allocate(DUAL, want({ previous }))).toEqual(previous);
    const taken = [subnets("10.3.76.0-23")];
    expect(allocate(DUAL, want({ previous, taken }))).toEqual(subnets("10.3.1.0-24&fc00:0:0:77::-64"));
    expect(allocate(V4, want({ previous: subnets("10.4.77.0-24") }))).toEqual(subnets("10.3.1.0-24"));
    expect(allocate(V4, want({ previous: subnets("10.3.77.0-25") }))).toEqual(subnets("10.3.1.0-24"));
    expect(allocate(V4, want({ previous: subnets("10.3.0.0-24") }))).toEqual(subnets("10.3.1.0-24"));
  });

  test("keeps clear of another length where there is room, and takes it for no lease where there is none", () => {
    expect(allocate(V4, want({ taken: [subnets("10.3.0.0-17")] }))).toEqual(subnets("10.3.128.0-24"));
    const all = [subnets("10.3.0.0-16"), subnets("10.3.1.0-24")];
    expect(allocate(V4, want({ taken: all }))).toEqual(subnets("10.3.2.0-24"));
    const previous = subnets("10.3.77.0-24");
    expect(allocate(V4, want({ taken: all, previous }))).toEqual(previous);
  });

  test("looks once at each of 5,000 leases", () => {
    const wide = network({ Network: "10.0.0.0/8" });
    let looks = 0;
    const taken = Array.from({ length: 5000 }, (_, index) => {
      const { v4, v6 } = subnets(`10.${(index + 1) >> 8}.${(index + 1) & 255}.0-24`);
      return {
        get v4() {
          looks += 1;
          return v4;
        },
        v6,
      };
    });
    expect(allocate(wide, want({ taken }))).toEqual(subnets("10.19.137.0-24"));
    expect(looks).toBe(5000);
  });
});

test.for([
  ["10.3.1.0-24", true],
  ["10.3.255.0-24", true],
  ["10.3.0.0-24", false],
  ["10.3.1.0-25", false],
  ["10.4.1.0-24", false],
  ["10.3.1.0-24&fc00:0:0:1::-64", false],
] as const)("%s fits the network: %s", ([key, fits]) => {
  expect(fitsNetwork(V4, subnets(key))).toBe(fits);
});

test.each([
  ["10.3.7.0-24&fc00:0:0:7::-64", DUAL, true],
  ["10.3.7.0-24", DUAL, false],
  ["0.0.0.0-0&fc00:0:0:7::-64", DUAL, false],
  ["10.3.7.0-24&fc00:0:0:7::-64", V4, false],
  ["0.0.0.0-0&fc00:0:0:7::-64", V6_ONLY, true],
  ["10.3.7.0-24&fc00:0:0:7::-64", V6_ONLY, false],
])("%s has the families of the network: %#", (key, config, fits) => {
  expect(fitsNetwork(config, subnets(key))).toBe(fits);
});

describe("planClaim", () => {
  const versionOf = () => 0n;
  const mine = content("192.0.2.1");
  const stored = (key: string, age: number, published = mine, isReservation = false): StoredLease => ({
    ...lease(key, age, published),
    isReservation,
  });
  const plan = (leases: readonly StoredLease[], previous = NO_SUBNETS, published = mine, config = V4) =>
    planClaim(request(config, published, previous), { leases, unreadable: [], versionOf }, 0, first);

  test("re-uses the node's own lease, the previous one before the oldest", () => {
    const leases = [stored("10.3.7.0-24", 1), stored("10.3.8.0-24", 0), stored("10.3.9.0-24", 2)];
    expect(plan(leases).reuse?.key).toBe("10.3.8.0-24");
    expect(plan(leases, subnets("10.3.9.0-24")).reuse?.key).toBe("10.3.9.0-24");
    expect(plan(leases).stale).toEqual([]);
  });

  test("does not take another node's lease for its own", () => {
    expect(plan([stored("10.3.7.0-24", 1, content("192.0.2.2"))]).reuse).toBeNull();
  });

  test("knows an IPv6-only node by its IPv6 address, and nobody by none", () => {
    const published = content(null, "2001:db8::1");
    const leases = [
      stored("0.0.0.0-0&fc00:0:0:1::-64", 1, content(null, "2001:db8::2")),
      stored("0.0.0.0-0&fc00:0:0:2::-64", 2, published),
      stored("0.0.0.0-0&fc00:0:0:3::-64", 3, content(null, null)),
    ];
    expect(plan(leases, NO_SUBNETS, published, V6_ONLY).reuse?.key).toBe("0.0.0.0-0&fc00:0:0:2::-64");
    expect(plan(leases, NO_SUBNETS, content(null, null), V6_ONLY).reuse).toBeNull();
  });

  test("gives up own leases that no longer fit, but never a reservation or another node's", () => {
    const old = stored("10.9.7.0-24", 1);
    const leases = [
      old,
      stored("10.9.8.0-24", 2, mine, true),
      stored("10.9.9.0-24", 3, content("192.0.2.2")),
    ];
    expect(plan(leases)).toMatchObject({ reuse: null, stale: [old] });
  });

  test("claims nothing that is taken, readable or not, but may claim what it gives up", () => {
    const wider = stored("10.3.0.0-22", 1);
    const listing = {
      leases: [wider, stored("10.3.4.0-24", 2, content("192.0.2.2"))],
      unreadable: [subnets("10.3.5.0-24")],
      versionOf,
    };
    expect(planClaim(request(V4, mine), listing, 0, first).claim().subnets).toEqual(subnets("10.3.1.0-24"));
    const reserved = { ...listing, leases: [{ ...wider, isReservation: true }, ...listing.leases.slice(1)] };
    expect(planClaim(request(V4, mine), reserved, 0, first).claim().subnets).toEqual(subnets("10.3.6.0-24"));
  });

  test("names what covers the whole network", () => {
    const listing = { leases: [], unreadable: [subnets("10.3.0.0-16")], versionOf };
    const claim = planClaim(request(V4, mine), listing, 0, first).claim();
    expect(claim).toEqual({ subnets: subnets("10.3.1.0-24"), blockers: ["10.3.0.0/16"] });
    const log = new RecordingLog();
    warnOfBlockers(log, claim);
    warnOfBlockers(log, { ...claim, blockers: [] });
    expect(log.lines).toMatchObject([
      { level: "warn", fields: { reason: expect.stringContaining("10.3.0.0/16") } },
    ]);
  });

  test("names what covers the claim, in its families, and nothing else", () => {
    const keys = ["10.3.0.0-16", "10.9.0.0-24", "10.3.2.0-24&fc00::-48", "0.0.0.0-0&fd99::-48"];
    const listing = { leases: [], unreadable: keys.map(subnets), versionOf };
    const claim = planClaim(request(DUAL, mine), listing, 0, first).claim();
    expect(claim).toEqual({
      subnets: subnets("10.3.1.0-24&fc00:0:0:1::-64"),
      blockers: ["10.3.0.0/16", "fc00::/48"],
    });
    expect(planClaim(request(V4, mine), listing, 0, first).claim().blockers).toEqual(["10.3.0.0/16"]);
  });

  test("warns of a few by name, and how many there are", () => {
    const log = new RecordingLog();
    const blockers = [10, 11, 12, 13, 14].map((length) => parseIpv4Prefix(`10.0.0.0/${length}`));
    warnOfBlockers(log, { subnets: subnets("10.3.1.0-24"), blockers });
    expect(log.lines).toEqual([
      {
        level: "warn",
        message: "claiming a subnet that other keys overlap",
        fields: {
          op: "acquire-lease",
          subnet: subnets("10.3.1.0-24"),
          count: 5,
          reason: expect.stringMatching(
            /^10\.0\.0\.0\/10, 10\.0\.0\.0\/11, 10\.0\.0\.0\/12 cannot be leased/,
          ),
        },
      },
    ]);
  });

  test("finds the lease of an earlier run, the previous one before the oldest, whatever network it is of", () => {
    const leases = [stored("10.3.7.0-24", 2), stored("10.9.8.0-24", 1)];
    const asked = (key: string | null) => ({
      content: mine,
      previousSubnets: key === null ? NO_SUBNETS : subnets(key),
    });
    expect(previousLease(leases, asked(null))?.key).toBe("10.9.8.0-24");
    expect(previousLease(leases, asked("10.3.7.0-24"))?.key).toBe("10.3.7.0-24");
    expect(previousLease([stored("10.3.7.0-24", 1, content("192.0.2.2"))], asked(null))).toBeNull();
  });

  test("draws from more after each lost race", () => {
    const claim = (races: number) =>
      planClaim(request(V4, mine), { leases: [], unreadable: [], versionOf }, races, last).claim().subnets;
    expect(claim(0)).toEqual(subnets("10.3.100.0-24"));
    expect(claim(1)).toEqual(subnets("10.3.200.0-24"));
    expect(claim(60)).toEqual(subnets("10.3.255.0-24"));
  });
});
