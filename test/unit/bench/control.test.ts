/** The pure parts of the control-plane benchmark; the rest is run by `npm run bench:control`. */
import { describe, expect, test } from "vitest";
import {
  NETWORK_CONFIG,
  PEER_NETWORK,
  peerLease,
  peerLeases,
  peerMac,
} from "../../../bench/control/peers.ts";
import { type Figure, isMissed, spreadOf } from "../../../bench/figures/figure.ts";
import { formatTable } from "../../../bench/figures/table.ts";
import { parseNetworkConfig } from "../../../src/config/network-config.ts";
import { accept } from "../../../src/lease/accept.ts";
import { unparsed } from "../../../src/lease/offer-reading.ts";
import { parseIpv4, parseIpv4Prefix } from "../../../src/net/index.ts";

function figure(samples: readonly number[], bound: number | null = null): Figure {
  return { name: "start", unit: "ms", samples, bound };
}

describe("figures", () => {
  test("median and extremes do not depend on the order", () => {
    expect(spreadOf(figure([30, 10, 20]))).toEqual({ median: 20, min: 10, max: 30 });
    expect(spreadOf(figure([100, 9]))).toEqual({ median: 100, min: 9, max: 100 });
    expect(spreadOf(figure([5]))).toEqual({ median: 5, min: 5, max: 5 });
  });

  test("without samples there is no figure", () => {
    expect(() => spreadOf(figure([]))).toThrow("start: no samples");
  });

  test("a bound is for the median, and it may be reached", () => {
    expect(isMissed(figure([1, 100, 600], 100))).toBe(false);
    expect(isMissed(figure([1, 100.1, 600], 100))).toBe(true);
    expect(isMissed(figure([1e9]))).toBe(false);
  });
});

test("the table is aligned and tells which bound was missed", () => {
  const table = formatTable([
    figure([1, 2, 3]),
    { name: "memory", unit: "MB", samples: [120, 130], bound: 110 },
    { name: "start-up", unit: "ms", samples: [400.04], bound: 600 },
  ]);
  expect(table.split("\n")).toEqual([
    "            median      min–max     bound",
    "start       2.0 ms      1.0–3.0",
    "memory    130.0 MB  120.0–130.0  ≤ 110 MB  MISSED",
    "start-up  400.0 ms  400.0–400.0  ≤ 600 ms      ok",
  ]);
});

describe("peers", () => {
  const COUNT = 5000;
  const config = parseNetworkConfig(JSON.stringify(NETWORK_CONFIG), "benchmark");

  test("every one of 5,000 is acceptable to a node beside them", () => {
    const { peers, rejections } = accept(
      { leases: peerLeases(COUNT), junk: [] },
      {
        rules: { v4: { network: PEER_NETWORK, subnetLength: config.v4?.subnetLength ?? 0 }, v6: null },
        own: {
          key: "self",
          subnets: { v4: parseIpv4Prefix("10.127.254.0/24"), v6: null },
          publicIps: { v4: parseIpv4("198.18.1.1"), v6: null },
        },
        read: unparsed,
        refuse: () => null,
        holders: null,
      },
    );
    expect(rejections).toEqual([]);
    expect(peers).toHaveLength(COUNT);
  });

  test("addresses of any two differ", () => {
    const leases = peerLeases(COUNT);
    expect(new Set(leases.map((lease) => lease.publicIps.v4)).size).toBe(COUNT);
    expect(new Set(leases.map((_, index) => peerMac(index, 0))).size).toBe(COUNT);
  });

  test("another generation differs in nothing but its MAC address", () => {
    const [before, after] = [peerLease(7), peerLease(7, 1)];
    expect(after.offers).not.toEqual(before.offers);
    expect({ ...after, offers: before.offers }).toEqual(before);
    expect(peerMac(300, 1)).toBe("02:00:00:01:01:2c");
  });
});
