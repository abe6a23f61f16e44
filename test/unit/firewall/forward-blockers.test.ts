import { describe, expect, test } from "vitest";
import { forwardBlockers } from "../../../src/agent/firewall/forward-blockers.ts";
import type { ForwardChain, ForwardRule } from "../../../src/kernel/firewall/forward-chain.ts";
import { legacyForwardChain } from "../../../src/kernel/firewall/iptables/forward-chain.ts";
import { parsePrefix } from "../../../src/net/index.ts";
import { installation } from "../../support/fake-firewall.ts";

const NETWORKS = { v4: parsePrefix("10.244.0.0/16"), v6: parsePrefix("fd00:10:244::/48") };
const ANY = "anything";
const rule = (
  verdict: ForwardRule["verdict"],
  match: ForwardRule["match"],
  target: string | null = null,
): ForwardRule => ({ verdict, match, target });
const chain = (fields: Partial<ForwardChain>): ForwardChain => ({
  ...{ table: { family: "inet", name: "firewalld" }, families: ["v4", "v6"], name: "filter_FORWARD" },
  ...{ policy: "accept", rules: [] },
  ...fields,
});
const IPTABLES = { table: { family: "ip", name: "filter" }, families: ["v4"], name: "FORWARD" } as const;

/** Of firewalld: accepts a few things, asks its zones, rejects the rest. */
const FIREWALLD = [
  rule("accept", "other"),
  rule("jump", ANY, "filter_FORWARD_POLICIES"),
  rule("reject", ANY),
];
const OF_PODS = [
  rule("accept", { field: "source", bytes: "0af4" }),
  rule("accept", { field: "destination", bytes: "0af4" }),
];

describe("a chain of another program", () => {
  test.each([
    [
      "that ends in reject",
      chain({ rules: FIREWALLD }),
      "chain filter_FORWARD of nftables table inet firewalld ends in reject, so packets of pods that none of its " +
        "rules accepts are lost: accept there what comes from and what goes to 10.244.0.0/16 and fd00:10:244::/48",
    ],
    [
      "of iptables, with policy drop",
      chain({ ...IPTABLES, policy: "drop" }),
      "chain FORWARD of iptables has policy drop, so packets of pods that none of its rules accepts are lost: " +
        "accept there what comes from and what goes to 10.244.0.0/16",
    ],
  ])("%s is named, with what to do", (_title, each, sentence) => {
    expect(forwardBlockers([each], NETWORKS)).toEqual([sentence]);
  });

  test.each([
    ["that only drops some packets", chain({ rules: [rule("drop", "other")] })],
    ["that accepts all before", chain({ rules: [rule("accept", ANY), rule("drop", ANY)] })],
    ["that accepts those of pods", chain({ ...IPTABLES, policy: "drop", rules: OF_PODS })],
    ["that jumps to ours", chain({ ...IPTABLES, policy: "drop", rules: [rule("jump", ANY, "FLANNEL-FWD")] })],
    ["that is ours", chain({ table: { family: "ip", name: "flannel-ipv4" }, policy: "drop" })],
    [
      "of a family that pods do not have",
      chain({ table: { family: "ip6", name: "x" }, families: [], policy: "drop" }),
    ],
  ])("%s is left alone", (_title, each) => {
    expect(forwardBlockers([each], NETWORKS)).toEqual([]);
  });

  test("that accepts one direction only is named", () => {
    const half = chain({ ...IPTABLES, policy: "drop", rules: OF_PODS.slice(1) });
    expect(forwardBlockers([half], NETWORKS)).toHaveLength(1);
  });
});

describe("iptables-legacy", () => {
  const read = (...lines: readonly string[]) => {
    const text = ["*filter", ":INPUT ACCEPT [0:0]", ...lines, "COMMIT", ""].join("\n");
    return legacyForwardChain(installation("v4", "legacy"), text);
  };

  test("is read from what iptables-save prints", () => {
    expect(
      read(
        ":FORWARD DROP [7:0]",
        '-A FORWARD -m comment --comment "flanneld forward -j DROP" -j FLANNEL-FWD',
        "-A FORWARD -s 10.244.0.0/16 -j ACCEPT",
        "-A FORWARD -i eth0 -j REJECT --reject-with icmp-port-unreachable",
        "-A FORWARD -j REJECT --reject-with icmp-port-unreachable",
        "-A INPUT -j DROP",
      ),
    ).toEqual({
      ...{ table: null, families: ["v4"], name: "FORWARD", policy: "drop" },
      rules: [
        rule(null, ANY, "FLANNEL-FWD"),
        rule("accept", { field: "source", bytes: "0af4" }),
        rule("reject", "other"),
        rule("reject", ANY),
      ],
    });
  });

  test("may jump to a chain with the name of a property of every object", () => {
    expect(read(":FORWARD ACCEPT [0:0]", "-A FORWARD -j constructor")?.rules).toEqual([
      rule(null, ANY, "constructor"),
    ]);
  });

  test("without the table has no chain", () => {
    expect(legacyForwardChain(installation("v4", "legacy"), "*nat\n:OUTPUT ACCEPT\nCOMMIT\n")).toBeNull();
  });
});
