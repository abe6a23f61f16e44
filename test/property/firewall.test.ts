import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { repairText } from "../../src/kernel/firewall/iptables/repair.ts";
import { parseSavedTables } from "../../src/kernel/firewall/iptables/saved-tables.ts";
import { readRulesetEvent } from "../../src/kernel/firewall/nftables/ruleset-message.ts";
import { changeElements } from "../../src/kernel/firewall/nftables/script.ts";
import { type FamilyRules, NO_FAMILY_RULES } from "../../src/kernel/firewall/rule-set.ts";
import { TweedError } from "../../src/runtime/error.ts";
import { rulesFor } from "../support/firewall-situation.ts";
import { IptablesModel } from "../support/iptables-model.ts";

const FULL = rulesFor("v4").families.v4 as FamilyRules;
const OTHER = rulesFor("v4", { flags: { masqueradeFullyRandom: false } }).families.v4 as FamilyRules;
const anyRules = fc.constantFrom<FamilyRules>(
  FULL,
  OTHER,
  { ...FULL, masquerade: null },
  { ...FULL, forward: null },
  NO_FAMILY_RULES,
);

/** Whatever somebody may do to the tables with iptables. */
const JUMPS = {
  nat: '-m comment --comment "flanneld masq" -j FLANNEL-POSTRTG',
  filter: '-m comment --comment "flanneld forward" -j FLANNEL-FWD',
};
const FOREIGN = [
  "-i eth0 -j DROP",
  "-j KUBE-FORWARD",
  "-j REJECT",
  '-m comment --comment "x" -j ACCEPT',
  "-j LOG",
];
const mischief = fc.oneof(
  fc.constantFrom(
    "*nat\n-F POSTROUTING",
    "*filter\n-F FORWARD",
    "*nat\n-F FLANNEL-POSTRTG",
    "*filter\n-F FLANNEL-FWD",
  ),
  fc
    .tuple(
      fc.constantFrom("nat POSTROUTING", "filter FORWARD"),
      fc.constantFrom(...FOREIGN, "jump"),
      fc.boolean(),
    )
    .map(([place, what, atTop]) => {
      const [table = "", chain = ""] = place.split(" ");
      const rule = what === "jump" ? JUMPS[table as "nat" | "filter"] : what;
      return `*${table}\n${atTop ? `-I ${chain} 1` : `-A ${chain}`} ${rule}`;
    }),
  fc.constantFrom("*nat\n-A FLANNEL-POSTRTG -j RETURN", "*filter\n-A FLANNEL-FWD -j DROP"),
);

function repair(host: IptablesModel, rules: FamilyRules): void {
  host.restore(repairText(parseSavedTables(host.save()), rules) ?? "");
}

const othersOf = (host: IptablesModel) =>
  ["nat POSTROUTING", "filter FORWARD"].map((place) => {
    const [table = "", chain = ""] = place.split(" ");
    return (host.rules(table, chain) ?? []).filter((rule) => !rule.includes("flanneld"));
  });

describe("iptables", () => {
  test("one repair is enough, whatever happened, and other people's rules keep their order", () => {
    fc.assert(
      fc.property(anyRules, anyRules, fc.array(mischief, { maxLength: 8 }), (before, after, deeds) => {
        const host = new IptablesModel();
        repair(host, before);
        for (const deed of deeds) {
          // What the host refuses, as an append to a chain that is not there, has not happened.
          try {
            host.restore(deed);
          } catch (error) {
            expect(error).toBeInstanceOf(Error);
          }
        }
        const others = othersOf(host);
        repair(host, after);
        expect(repairText(parseSavedTables(host.save()), after)).toBeNull();
        expect(othersOf(host)).toEqual(others);
      }),
    );
  });
});

describe("nftables", () => {
  const elements = fc.uniqueArray(fc.integer({ min: 0, max: 30 }).map(String));

  test("a change of elements leads from the one set to the other, and touches nothing that is in both", () => {
    fc.assert(
      fc.property(elements, elements, (before, after) => {
        const table = (members: readonly string[]) => {
          return {
            family: "inet",
            name: "t",
            sets: [],
            chains: [],
            others: { sets: [], chains: [] },
            elements: new Map([["s", new Set(members)]]),
            format: (element: string) => element,
          } as const;
        };
        const now = new Set(before);
        const script = changeElements(table(before), table(after)).join("\n");
        for (const [, verb, list = ""] of script.matchAll(
          /(add|delete) element inet t s \{\n([\d,\n]*)\n\}/g,
        )) {
          for (const element of list.split(",\n")) {
            if (verb === "add") expect(now.has(element)).toBe(false);
            if (verb === "add") now.add(element);
            else expect(now.delete(element)).toBe(true);
          }
        }
        expect(now).toEqual(new Set(after));
        expect(script === "").toBe(
          before.length === after.length && before.every((each) => after.includes(each)),
        );
      }),
    );
  });

  test("whatever bytes come as news, they are read or refused", () => {
    fc.assert(
      fc.property(fc.nat(0xffff), fc.uint8Array({ maxLength: 64 }), (type, body) => {
        try {
          readRulesetEvent({ type, flags: 0, sequence: 0, body });
        } catch (error) {
          expect(error).toBeInstanceOf(TweedError);
        }
      }),
    );
  });
});
