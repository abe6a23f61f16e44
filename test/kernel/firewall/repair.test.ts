/** What other programs do to the rules, and that they are right again. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { damageRules, iptablesDamages, NFTABLES_DAMAGES } from "../../../src/lab/firewall-damage.ts";
import { eventually } from "../../support/eventually.ts";
import { FirewallBed, HOSTS } from "../../support/firewall-bed.ts";
import { rulesFor } from "../../support/firewall-situation.ts";
import { Namespace } from "../../support/netns.ts";

/** The kernel tells nobody of changes to the tables of old: looking again finds them. */
const RESYNC_MS = 500;

let node: Namespace;
let bed: FirewallBed;
beforeEach(async () => {
  node = await Namespace.create("fwrep");
});
afterEach(async () => {
  await bed.stop();
  await node.delete();
});

/** Waits until the rules were written again, and `read` tells what it told before the deed. */
async function expectRepaired(read: () => Promise<string>, deed: () => Promise<unknown>): Promise<void> {
  const right = await read();
  const { writes } = bed.hostFirewall.status();
  await deed();
  await eventually(() => bed.hostFirewall.status().writes).toBeGreaterThan(writes);
  await eventually(read).toBe(right);
}

describe("nftables", () => {
  /** Tables one by one, because their order is that of their making. */
  const ruleset = async () => {
    const tables = (await node.exec("nft", "list", "tables")).trim().split("\n").sort();
    return (await Promise.all(tables.map((table) => node.exec("nft", "list", ...table.split(" "))))).join("");
  };
  beforeEach(async () => {
    bed = await FirewallBed.start(node, HOSTS.nftables);
    await bed.keep(rulesFor("dual"));
  });

  test.each(NFTABLES_DAMAGES)("$title", async (damage) => {
    await expectRepaired(ruleset, () => damageRules(node.name, damage));
  });

  test("other people's transactions cost nothing", async () => {
    const { writes } = bed.hostFirewall.status();
    for (let number = 0; number < 20; number++) await node.exec("nft", `add table ip other${number}`);
    // News comes in order: when this is repaired, all before it has been heard.
    await expectRepaired(ruleset, () => node.exec("nft", "flush chain ip flannel-ipv4 postrtg"));
    expect(bed.hostFirewall.status().writes).toBe(writes + 1);
  });
});

describe.each(["nft", "legacy"] as const)("iptables of the %s kind", (kind) => {
  const iptables = (...args: readonly string[]) => node.exec(`iptables-${kind}`, "-w", ...args);
  /** Without its first and last line, which tell the time. */
  const saved = async () => (await node.exec(`iptables-${kind}-save`)).replaceAll(/^#.*\n/gm, "");

  beforeEach(async () => {
    const options = kind === "nft" ? {} : { resyncMs: RESYNC_MS };
    bed = await FirewallBed.start(node, HOSTS[`iptables-${kind}`], options);
    await bed.keep(rulesFor("dual"));
  });

  test.each(iptablesDamages(kind))("$title", async (damage) => {
    await expectRepaired(saved, () => damageRules(node.name, damage));
  });

  test("a REJECT before ours stays behind it", async () => {
    const order = async () => (await iptables("-S", "FORWARD")).match(/FLANNEL-FWD|REJECT/g);
    await iptables("-I", "FORWARD", "-j", "REJECT");
    await eventually(order).toEqual(["FLANNEL-FWD", "REJECT"]);
  });
});

test("what the other writers left goes when one takes over", async () => {
  for (const kind of ["iptables-legacy", "iptables-nft", "nftables"] as const) {
    const former = await FirewallBed.start(node, HOSTS[kind]);
    await former.keep(rulesFor("dual"));
    await former.stop();
  }
  const everything = {
    ...HOSTS["iptables-nft"],
    ...HOSTS.nftables,
    "iptables-legacy-save": "iptables-legacy-save",
    "iptables-legacy-restore": "iptables-legacy-restore",
    "ip6tables-legacy-save": "ip6tables-legacy-save",
    "ip6tables-legacy-restore": "ip6tables-legacy-restore",
  };
  bed = await FirewallBed.start(node, everything, { enableNftables: true });
  await bed.keep(rulesFor("dual"));
  for (const program of ["iptables", "ip6tables"].flatMap((base) => [
    `${base}-nft-save`,
    `${base}-legacy-save`,
  ])) {
    expect(await node.exec(program)).not.toContain("FLANNEL");
  }
  expect(await node.exec("nft", "list", "tables")).toContain("flannel-ipv4");
});
