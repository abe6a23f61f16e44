import { describe, expect, test } from "vitest";
import { repairText } from "../../../src/kernel/firewall/iptables/repair.ts";
import { parseSavedTables } from "../../../src/kernel/firewall/iptables/saved-tables.ts";
import { type FamilyRules, NO_FAMILY_RULES } from "../../../src/kernel/firewall/rule-set.ts";
import { rulesFor } from "../../support/firewall-situation.ts";
import { IptablesModel } from "../../support/iptables-model.ts";

const v4 = rulesFor("v4").families.v4 as FamilyRules;
const v6 = rulesFor("v6", { flags: { masqueradeFullyRandom: false } }).families.v6 as FamilyRules;
const JUMP = '-A POSTROUTING -m comment --comment "flanneld masq" -j FLANNEL-POSTRTG';
const FORWARD_JUMP = '-A FORWARD -m comment --comment "flanneld forward" -j FLANNEL-FWD';

const repair = (saved: string, rules: FamilyRules) => repairText(parseSavedTables(saved), rules);

/** A host where everything is right, and then something happens to it. */
function hostAfter(...lines: readonly string[]): IptablesModel {
  const host = new IptablesModel();
  host.restore(repair("", v4) ?? "");
  host.restore(lines.join("\n"));
  return host;
}

function repaired(host: IptablesModel, rules: FamilyRules = v4): IptablesModel {
  const input = repair(host.save(), rules);
  expect(input).not.toBeNull();
  host.restore(input ?? "");
  expect(repair(host.save(), rules)).toBeNull();
  return host;
}

describe("an empty host", () => {
  test("IPv4, literally", () => {
    expect(repair("", v4)).toBe(`*nat
:FLANNEL-POSTRTG - [0:0]
-A FLANNEL-POSTRTG -m mark --mark 0x4000/0x4000 -m comment --comment "flanneld masq" -j RETURN
-A FLANNEL-POSTRTG -s 10.42.1.0/24 -d 10.42.0.0/16 -m comment --comment "flanneld masq" -j RETURN
-A FLANNEL-POSTRTG -s 10.42.0.0/16 -d 10.42.1.0/24 -m comment --comment "flanneld masq" -j RETURN
-A FLANNEL-POSTRTG ! -s 10.42.0.0/16 -d 10.42.1.0/24 -m comment --comment "flanneld masq" -j RETURN
-A FLANNEL-POSTRTG -s 10.42.0.0/16 ! -d 224.0.0.0/4 -m comment --comment "flanneld masq" -j MASQUERADE --random-fully
-A FLANNEL-POSTRTG ! -s 10.42.0.0/16 -d 10.42.0.0/16 -m comment --comment "flanneld masq" -j MASQUERADE --random-fully
-A POSTROUTING -m comment --comment "flanneld masq" -j FLANNEL-POSTRTG
COMMIT
*filter
:FLANNEL-FWD - [0:0]
-A FLANNEL-FWD -s 10.42.0.0/16 -m comment --comment "flanneld forward" -j ACCEPT
-A FLANNEL-FWD -d 10.42.0.0/16 -m comment --comment "flanneld forward" -j ACCEPT
-A FORWARD -m comment --comment "flanneld forward" -j FLANNEL-FWD
COMMIT
`);
  });

  test("IPv6, ports not fully random", () => {
    expect(repair("", { ...v6, forward: null })).toBe(`*nat
:FLANNEL-POSTRTG - [0:0]
-A FLANNEL-POSTRTG -m mark --mark 0x4000/0x4000 -m comment --comment "flanneld masq" -j RETURN
-A FLANNEL-POSTRTG -s fd00:10:244:1::/64 -d fd00:10:244::/56 -m comment --comment "flanneld masq" -j RETURN
-A FLANNEL-POSTRTG -s fd00:10:244::/56 -d fd00:10:244:1::/64 -m comment --comment "flanneld masq" -j RETURN
-A FLANNEL-POSTRTG ! -s fd00:10:244::/56 -d fd00:10:244:1::/64 -m comment --comment "flanneld masq" -j RETURN
-A FLANNEL-POSTRTG -s fd00:10:244::/56 ! -d ff00::/8 -m comment --comment "flanneld masq" -j MASQUERADE
-A FLANNEL-POSTRTG ! -s fd00:10:244::/56 -d fd00:10:244::/56 -m comment --comment "flanneld masq" -j MASQUERADE
-A POSTROUTING -m comment --comment "flanneld masq" -j FLANNEL-POSTRTG
COMMIT
`);
  });

  test("nothing wanted, nothing done", () => {
    expect(repair("", NO_FAMILY_RULES)).toBeNull();
  });
});

describe("a host where something happened", () => {
  test("nothing did", () => {
    expect(repair(hostAfter().save(), v4)).toBeNull();
  });

  test.each([
    ["iptables -t nat -F", ["*nat", "-F POSTROUTING", "-F FLANNEL-POSTRTG"]],
    ["iptables -t nat -F; -X", ["*nat", "-F POSTROUTING", "-F FLANNEL-POSTRTG", "-X FLANNEL-POSTRTG"]],
    ["the jump gone", ["*nat", JUMP.replace("-A", "-D")]],
    ["a second jump", ["*nat", JUMP]],
    ["a rule doubled", ["*nat", "-A FLANNEL-POSTRTG -d 10.0.0.0/8 -j RETURN"]],
  ])("%s", (_what, lines) => {
    const host = repaired(hostAfter(...lines));
    expect(host.rules("nat", "FLANNEL-POSTRTG")).toHaveLength(6);
    expect(host.rules("nat", "POSTROUTING")).toEqual([JUMP]);
  });

  test("rules of ours moved: the chain is filled anew, in order", () => {
    const host = hostAfter();
    const [first, second] = host.rules("nat", "FLANNEL-POSTRTG") ?? [];
    host.restore(`*nat\n${first?.replace("-A", "-D")}\n${first}`);
    expect(host.rules("nat", "FLANNEL-POSTRTG")?.[0]).toBe(second);
    expect(repaired(host).rules("nat", "FLANNEL-POSTRTG")?.[0]).toBe(first);
  });

  test("only the table that differs is written", () => {
    const input = repair(hostAfter("*filter", FORWARD_JUMP.replace("-A", "-D")).save(), v4);
    expect(input).toBe(`*filter\n${FORWARD_JUMP}\nCOMMIT\n`);
  });

  test("whatever stands beside the jump stays, and so does the jump", () => {
    const host = hostAfter(
      "*nat",
      "-I POSTROUTING 1 -j KUBE-POSTROUTING",
      "-A POSTROUTING -o docker0 -j MASQUERADE",
    );
    expect(repair(host.save(), v4)).toBeNull();
  });

  test("a jump behind a rule that catches everything is put before it", () => {
    const reject = "-A FORWARD -j REJECT --reject-with icmp-port-unreachable";
    const host = hostAfter("*filter", "-F FORWARD", "-A FORWARD -i lo -j ACCEPT", reject, FORWARD_JUMP);
    expect(repaired(host).rules("filter", "FORWARD")).toEqual([
      "-A FORWARD -i lo -j ACCEPT",
      FORWARD_JUMP,
      reject,
    ]);
  });

  test("so is a jump that was missing; a catch-all with a comment is one too", () => {
    const drop = '-A FORWARD -m comment --comment "the \\"end\\"" -j DROP';
    const host = hostAfter("*filter", "-F FORWARD", drop);
    expect(repaired(host).rules("filter", "FORWARD")).toEqual([FORWARD_JUMP, drop]);
  });

  test("a rule that only looks like a catch-all is none", () => {
    const host = hostAfter(
      "*filter",
      "-F FORWARD",
      "-A FORWARD -j DROP-INVALID",
      "-A FORWARD ! -i eth0 -j DROP",
      FORWARD_JUMP,
    );
    expect(repair(host.save(), v4)).toBeNull();
  });

  test("of several jumps the first place counts", () => {
    const host = hostAfter("*nat", "-A POSTROUTING -o eth9 -j ACCEPT", JUMP);
    expect(repaired(host).rules("nat", "POSTROUTING")).toEqual([JUMP, "-A POSTROUTING -o eth9 -j ACCEPT"]);
  });
});

describe("what is no longer wanted", () => {
  test("goes with the jump first", () => {
    const host = hostAfter("*nat", "-A POSTROUTING -o eth9 -j ACCEPT");
    expect(repair(host.save(), NO_FAMILY_RULES)).toBe(`*nat
${JUMP.replace("-A", "-D")}
-F FLANNEL-POSTRTG
-X FLANNEL-POSTRTG
COMMIT
*filter
${FORWARD_JUMP.replace("-A", "-D")}
-F FLANNEL-FWD
-X FLANNEL-FWD
COMMIT
`);
    expect(repaired(host, NO_FAMILY_RULES).rules("nat", "POSTROUTING")).toEqual([
      "-A POSTROUTING -o eth9 -j ACCEPT",
    ]);
  });

  test("masquerading alone, when its flag is turned off", () => {
    const host = repaired(hostAfter(), { ...v4, masquerade: null });
    expect(host.rules("nat", "FLANNEL-POSTRTG")).toBeNull();
    expect(host.rules("filter", "FLANNEL-FWD")).toHaveLength(2);
  });

  test("rules of another network", () => {
    const other = rulesFor("v4", { flags: { masqueradeFullyRandom: false } }).families.v4 as FamilyRules;
    expect(repaired(hostAfter(), other).rules("nat", "FLANNEL-POSTRTG")?.join()).not.toContain(
      "random-fully",
    );
  });

  test("rules that early flannel put straight into the kernel's chain", () => {
    const old =
      '-A POSTROUTING -s 10.42.0.0/16 -d 10.42.0.0/16 -m comment --comment "flanneld masq" -j RETURN';
    expect(repaired(hostAfter("*nat", old)).rules("nat", "POSTROUTING")).toEqual([JUMP]);
  });
});

test("what iptables-save says beside tables is skipped", () => {
  const saved =
    "# Generated by iptables-nft-save\n*nat\n:POSTROUTING ACCEPT [12:345]\n# Table `x' is incompatible\n[0:0] nonsense\nCOMMIT\n";
  expect([...(parseSavedTables(saved).get("nat")?.chains ?? [])]).toEqual([["POSTROUTING", []]]);
});
