import fc from "fast-check";
import { expect, it } from "vitest";
import type { UnderlayOptions } from "../../src/config/daemon-options.ts";
import { familyOf, parseIp, parseIpv4, parseIpv6 } from "../../src/net/index.ts";
import { TweedError } from "../../src/runtime/error.ts";
import { Host } from "../support/host.ts";
import { runs } from "../support/property-runs.ts";

/** Few enough addresses and names that rules and interfaces meet. */
const IPV4 = ["192.0.2.1", "192.0.2.2", "10.0.0.1", "127.0.0.1", "169.254.0.1"];
const IPV6 = ["2001:db8::1", "2001:db8::2", "fd00::1", "fe80::1", "::1"];
const NAMES = ["lo", "eth0", "eth1", "cni0"];

const address = fc.record({
  ip: fc.constantFrom(...IPV4, ...IPV6).map(parseIp),
  isPermanent: fc.boolean(),
  isTemporary: fc.boolean(),
  isSecondary: fc.boolean(),
  isDeprecated: fc.boolean(),
  isTentative: fc.boolean(),
});
const link = fc.record({
  name: fc.constantFrom(...NAMES),
  addresses: fc.array(address, { maxLength: 4 }),
  mtuBytes: fc.constantFrom(0, 1500, 1500, 1500),
  isUp: fc.boolean(),
});
const route = fc.record({
  family: fc.constantFrom("v4" as const, "v6" as const),
  iface: fc.constantFrom("eth0", "eth1", null),
  metric: fc.nat(3),
});
const orNull = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: null });
const options: fc.Arbitrary<UnderlayOptions> = fc.record({
  ifaces: fc.array(fc.constantFrom(...NAMES, ...IPV4, ...IPV6, "eth9"), { maxLength: 2 }),
  ifaceRegexes: fc.array(fc.constantFrom(/eth/, /^192\./, /0/, /:/, /^cni/), { maxLength: 2 }),
  ifaceCanReach: orNull(fc.constantFrom(...IPV4, ...IPV6).map(parseIp)),
  publicIps: fc.record({
    v4: orNull(fc.constantFrom(...IPV4, "203.0.113.1").map(parseIpv4)),
    v6: orNull(fc.constantFrom(...IPV6).map(parseIpv6)),
  }),
});
const preferences = fc.record({
  ifaces: fc.uniqueArray(fc.constantFrom(...NAMES, "eth9"), { maxLength: 2 }),
  ips: fc.array(fc.record({ ip: fc.constantFrom(...IPV4, ...IPV6).map(parseIp), wasReal: fc.boolean() }), {
    maxLength: 3,
  }),
});
const families = fc.constantFrom(["v4"] as const, ["v6"] as const, ["v4", "v6"] as const);

it("chooses an interface with its own addresses, or says which flag to set", async () => {
  const scene = fc.record({
    links: fc.uniqueArray(link, { selector: ({ name }) => name, maxLength: 4 }),
    routes: fc.array(route, { maxLength: 4 }),
    lookup: orNull(fc.constantFrom(...NAMES)),
    options,
    families,
    preferences,
  });
  await fc.assert(
    fc.asyncProperty(scene, async ({ links, routes, lookup, options, families, preferences }) => {
      const host = new Host();
      for (const { name, addresses, ...flags } of links) host.link(name, addresses, flags);
      for (const { family, iface, metric } of routes) host.defaultRoute(family, iface, metric);
      if (lookup !== null) host.answersRouteLookup({ iface: lookup, via: null, source: null });

      const selected = await host.select(families, options, preferences).catch((error: unknown) => {
        if (error instanceof TweedError && error.code === "no-interface") return error;
        throw error;
      });
      if (selected instanceof TweedError) {
        expect(selected.message).toContain("Set --iface");
        return;
      }
      const chosen = links.find(({ name }) => name === selected.iface.name);
      expect(chosen?.isUp).toBe(true);
      // No packet leaves by lo: it has the MTU of another.
      const mtus = selected.iface.name === "lo" ? links.map(({ mtuBytes }) => mtuBytes) : [chosen?.mtuBytes];
      expect(mtus).toContain(selected.iface.mtuBytes);
      expect(selected.iface.mtuBytes).toBeGreaterThan(0);
      for (const family of ["v4", "v6"] as const) {
        const ip = selected.iface.ips[family];
        const isMissing = selected.missing.some((missing) => missing.family === family);
        expect(isMissing).toBe(ip === null && families.some((wanted) => wanted === family));
        expect(selected.publicIps[family] === null).toBe(ip === null);
        if (ip === null) continue;
        expect(familyOf(ip)).toBe(family);
        expect(chosen?.addresses.some((carried) => carried.ip === ip && !carried.isTentative)).toBe(true);
      }
      expect(selected.missing.length).toBeLessThan(families.length);
      if (selected.rule.startsWith("--iface-regex")) expect(selected.iface.name).not.toBe("cni0");
    }),
    runs(3000),
  );
});
