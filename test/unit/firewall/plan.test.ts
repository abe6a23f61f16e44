import { describe, expect, test } from "vitest";
import { planFirewall } from "../../../src/agent/firewall/plan.ts";
import { parsePrefix } from "../../../src/net/index.ts";
import { FLAGS, NO_ORIGINS, rulesFor, STACKS } from "../../support/firewall-situation.ts";

const network = { prefix: "10.42.0.0/16" };
const subnet = { prefix: "10.42.1.0/24" };

test("masquerading in flannel's order, with the fourth rule as iptables has it", () => {
  expect(rulesFor("v4").families.v4?.masquerade).toEqual([
    { match: { mark: { bits: 0x4000 } }, verdict: "return" },
    {
      match: { source: { ...subnet, negated: false }, destination: { ...network, negated: false } },
      verdict: "return",
    },
    {
      match: { source: { ...network, negated: false }, destination: { ...subnet, negated: false } },
      verdict: "return",
    },
    {
      match: { source: { ...network, negated: true }, destination: { ...subnet, negated: false } },
      verdict: "return",
    },
    {
      match: {
        source: { ...network, negated: false },
        destination: { prefix: "224.0.0.0/4", negated: true },
      },
      verdict: "masquerade-fully-random",
    },
    {
      match: { source: { ...network, negated: true }, destination: { ...network, negated: false } },
      verdict: "masquerade-fully-random",
    },
  ]);
});

test("what is excluded returns before anything is masqueraded, each family its own", () => {
  const masqueradeExclusions = ["192.168.0.0/16", "fd99::/16", "10.0.0.1/32"].map(parsePrefix);
  const { v4, v6 } = rulesFor("dual", { masqueradeExclusions }).families;
  const destinations = (rules: typeof v4) =>
    rules?.masquerade?.map(({ match, verdict }) => `${match.destination?.prefix} ${verdict}`).slice(4, -2);
  expect(destinations(v4)).toEqual(["192.168.0.0/16 return", "10.0.0.1/32 return"]);
  expect(destinations(v6)).toEqual(["fd99::/16 return"]);
});

describe("flags", () => {
  test("no masquerading", () => {
    expect(rulesFor("v4", { flags: { masquerade: false } }).families.v4?.masquerade).toBeNull();
  });
  test("no forwarding rules", () => {
    expect(rulesFor("v4", { flags: { forwardRules: false } }).families.v4?.forward).toBeNull();
  });
  test("ports not fully random", () => {
    const rules = rulesFor("v6", { flags: { masqueradeFullyRandom: false } }).families.v6?.masquerade;
    expect(new Set(rules?.map(({ verdict }) => verdict))).toEqual(new Set(["return", "masquerade"]));
  });
});

describe("families", () => {
  test("one that is off has no rules", () => {
    expect(rulesFor("v4").families.v6).toBeNull();
    expect(rulesFor("v6").families.v4).toBeNull();
  });
  test("one without a lease has none yet", () => {
    const subnets = { v4: null, v6: STACKS.dual.subnets.v6 };
    expect(rulesFor("dual", { subnets }).families).toEqual({ v4: null, v6: rulesFor("v6").families.v6 });
  });
});

describe("the packet filter", () => {
  const situation = { ...STACKS.v4, masqueradeExclusions: [], origins: NO_ORIGINS };
  test.each(["drop", "log"] as const)("%s", (forgedPackets) => {
    const { packetFilter } = planFirewall({ ...situation, options: { ...FLAGS, forgedPackets } });
    const { leasable, subnets } = STACKS.v4;
    expect(packetFilter).toEqual({ ...NO_ORIGINS, leasable, subnets, action: forgedPackets });
  });
  test("off", () => {
    expect(
      planFirewall({ ...situation, options: { ...FLAGS, forgedPackets: "ignore" } }).packetFilter,
    ).toBeNull();
  });
  test("not before there is a lease", () => {
    const options = { ...FLAGS, forgedPackets: "drop" } as const;
    expect(planFirewall({ ...situation, subnets: { v4: null, v6: null }, options }).packetFilter).toBeNull();
  });
});
