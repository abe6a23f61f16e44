import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { AddressPlan } from "../../src/config/address-plan.ts";
import { findJsonFault } from "../../src/config/json-fault.ts";
import { parseNetworkConfig } from "../../src/config/network-config.ts";
import {
  addressBits,
  containsPrefix,
  familyOf,
  type Ip,
  ipBits,
  overlaps,
  type Prefix,
  parsePrefix,
  prefixAddress,
  prefixLength,
  prefixOf,
} from "../../src/net/index.ts";
import { TweedError } from "../../src/runtime/error.ts";
import { runs } from "../support/property-runs.ts";

/** Values of a key that are mostly right, so that a good share of configurations is accepted. */
const address4 = fc.ipV4();
const network4 = fc.tuple(address4, fc.integer({ min: 0, max: 33 })).map(([ip, length]) => `${ip}/${length}`);
const address6 = fc.ipV6();
const network6 = fc
  .tuple(address6, fc.integer({ min: 0, max: 130 }))
  .map(([ip, length]) => `${ip}/${length}`);
const junk = fc.jsonValue();
const orJunk = <T>(arbitrary: fc.Arbitrary<T>) =>
  fc.oneof({ weight: 20, arbitrary }, { weight: 1, arbitrary: junk });

const configuration = fc.record(
  {
    Network: orJunk(network4),
    SubnetLen: orJunk(fc.integer({ min: 0, max: 32 })),
    SubnetMin: orJunk(address4),
    SubnetMax: orJunk(address4),
    EnableIPv4: orJunk(fc.boolean()),
    EnableIPv6: orJunk(fc.boolean()),
    IPv6Network: orJunk(network6),
    IPv6SubnetLen: orJunk(fc.integer({ min: 0, max: 128 })),
    Backend: orJunk(fc.record({ Type: orJunk(fc.constantFrom("vxlan", "UDP", "")) })),
  },
  { requiredKeys: [] },
);

/** A network with bounds that lie on its own subnets, in either order. */
const fittingPlan = fc
  .record({
    base: fc.integer({ min: 0, max: 0xffffffff }),
    length: fc.integer({ min: 0, max: 28 }),
    extra: fc.integer({ min: 2, max: 30 }),
    positions: fc.tuple(
      fc.double({ min: 0, max: 1, noNaN: true }),
      fc.double({ min: 0, max: 1, noNaN: true }),
    ),
  })
  .map(({ base, length, extra, positions }) => {
    const subnetLength = Math.min(30, length + extra);
    const size = 2 ** (32 - subnetLength);
    const count = 2 ** (subnetLength - length);
    const start = Math.floor(base / 2 ** (32 - length)) * 2 ** (32 - length);
    const text = (bits: number) =>
      [24, 16, 8, 0].map((shift) => Math.floor(bits / 2 ** shift) % 256).join(".");
    const subnet = (position: number) => start + Math.min(count - 1, Math.floor(position * count)) * size;
    const [min, max] = [subnet(positions[0]), subnet(positions[1])];
    return {
      Network: `${text(start)}/${length}`,
      SubnetLen: subnetLength,
      min,
      max,
      SubnetMin: text(min),
      SubnetMax: text(max),
    };
  });

/** What a host needs for itself is no network of pods. */
function coversReserved(network: string): boolean {
  const reserved = ["0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/4"].map(parsePrefix);
  return reserved.some((range) => overlaps(range, parsePrefix(network)));
}

function expectConsistent(plan: AddressPlan<Prefix, Ip>): void {
  const bits = addressBits(familyOf(prefixAddress(plan.network)));
  expect(plan.subnetLength).toBeGreaterThanOrEqual(prefixLength(plan.network) + 2);
  expect(plan.subnetLength).toBeLessThanOrEqual(bits - 2);
  for (const bound of [plan.subnetMin, plan.subnetMax]) {
    const subnet = prefixOf(bound, plan.subnetLength);
    expect(prefixAddress(subnet)).toBe(bound);
    expect(containsPrefix(plan.network, subnet)).toBe(true);
  }
  expect(ipBits(plan.subnetMin)).toBeLessThanOrEqual(ipBits(plan.subnetMax));
}

function expectPlanOrTweedError(text: string): void {
  try {
    const config = parseNetworkConfig(text, "config");
    expect(config.v4 ?? config.v6).not.toBeNull();
    for (const plan of [config.v4, config.v6]) if (plan !== null) expectConsistent(plan);
    expect(config.backend.type).toMatch(/^[^A-Z]+$/);
  } catch (error) {
    if (!(error instanceof TweedError)) throw error;
    expect(error.code).toBe("invalid-config");
    expect(error.message.length).toBeLessThan(500);
  }
}

describe("parseNetworkConfig", () => {
  it("gives a consistent plan or a TweedError, whatever the values", () => {
    fc.assert(
      fc.property(configuration, (config) => expectPlanOrTweedError(JSON.stringify(config))),
      runs(2000),
    );
  });

  it("throws nothing but TweedError for any text", () => {
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: "binary" }), fc.json()), (text) => expectPlanOrTweedError(text)),
      runs(2000),
    );
  });

  it("accepts bounds that fit exactly when they are in order", () => {
    fc.assert(
      fc.property(fittingPlan, ({ min, max, ...config }) => {
        const parse = () => parseNetworkConfig(JSON.stringify(config), "config").v4;
        // 0.0.0.0 says "not given", so its place is taken by what is derived.
        fc.pre(min !== 0 && max !== 0 && !coversReserved(config.Network));
        if (min > max) expect(parse).toThrow("at or below");
        else expect(parse()).toMatchObject({ subnetMin: config.SubnetMin, subnetMax: config.SubnetMax });
      }),
      runs(1000),
    );
  });
});

describe("findJsonFault", () => {
  it("finds one exactly when JSON.parse does", () => {
    const mutated = fc
      .tuple(
        fc.json(),
        fc.nat(),
        fc.constantFrom("", ",", '"', "]", "}", "{", "0", "\\", "\n", ":"),
        fc.nat(2),
      )
      .map(([text, at, insert, cut]) => {
        const offset = at % (text.length + 1);
        return text.slice(0, offset) + insert + text.slice(offset + cut);
      });
    fc.assert(
      fc.property(mutated, (text) => {
        let parses = true;
        try {
          JSON.parse(text);
        } catch {
          parses = false;
        }
        expect(findJsonFault(text, 1000) === null).toBe(parses);
      }),
      runs(5000),
    );
  });
});
