/** Chains of other programs that drop what is forwarded, as the kernel tells of them. */
import { afterEach, beforeEach, expect, test } from "vitest";
import { eventually } from "../../support/eventually.ts";
import { FirewallBed, HOSTS } from "../../support/firewall-bed.ts";
import { rulesFor } from "../../support/firewall-situation.ts";
import { Namespace } from "../../support/netns.ts";

let node: Namespace;
let bed: FirewallBed;
beforeEach(async () => {
  node = await Namespace.create("fwdchain");
});
afterEach(async () => {
  await bed.stop();
  await node.delete();
});

const blockers = () => bed.hostFirewall.status().blockers;
const named = (text: string) => [expect.stringContaining(text)];

/** As firewalld writes it. */
const FIREWALLD = [
  "add table inet firewalld",
  "add chain inet firewalld filter_FORWARD { type filter hook forward priority filter + 10; policy accept; }",
  "add chain inet firewalld filter_FORWARD_POLICIES",
  "add rule inet firewalld filter_FORWARD ct state { established, related } accept",
  "add rule inet firewalld filter_FORWARD ct status dnat accept",
  'add rule inet firewalld filter_FORWARD iifname "lo" accept',
  "add rule inet firewalld filter_FORWARD jump filter_FORWARD_POLICIES",
  "add rule inet firewalld filter_FORWARD reject with icmpx admin-prohibited",
];

test("firewalld's is named, until a rule of it accepts the pods of both families", async () => {
  bed = await FirewallBed.start(node, HOSTS.nftables);
  await bed.keep(rulesFor("dual"));
  for (const command of FIREWALLD) await node.exec("nft", ...command.split(" "));
  await eventually(blockers).toEqual(named("filter_FORWARD of nftables table inet firewalld ends in reject"));
  expect(blockers()[0]).toContain("10.42.0.0/16 and fd00:10:244::/56");
  const accept = ["ip saddr 10.42.0.0/16", "ip daddr 10.42.0.0/16"];
  for (const match of [...accept, "ip6 saddr fd00:10:244::/56", "ip6 daddr fd00:10:244::/56"]) {
    await node.exec("nft", ...`insert rule inet firewalld filter_FORWARD ${match} counter accept`.split(" "));
  }
  await eventually(blockers).toEqual([]);
});

test("a policy of iptables is named while nftables writes, and not where our rules are in that chain", async () => {
  await node.exec("iptables-nft", "-P", "FORWARD", "DROP");
  bed = await FirewallBed.start(node, HOSTS.nftables);
  await bed.keep(rulesFor("v4"));
  await eventually(blockers).toEqual(named("chain FORWARD of iptables has policy drop"));
  await bed.stop();
  bed = await FirewallBed.start(node, HOSTS["iptables-nft"]);
  await bed.keep(rulesFor("v4"));
  expect(await node.exec("iptables-nft-save")).toContain("FLANNEL-FWD");
  expect(blockers()).toEqual([]);
  // Another chain shows that it was looked at since.
  await node.exec("nft", ..."add table ip other".split(" "));
  await node.exec(
    "nft",
    ..."add chain ip other f { type filter hook forward priority 5; policy drop; }".split(" "),
  );
  await eventually(blockers).toEqual(named("chain f of nftables table ip other has policy drop"));
});

test("iptables-legacy is asked where it has tables", async () => {
  await node.exec("iptables-legacy", "-P", "FORWARD", "DROP");
  bed = await FirewallBed.start(node, { ...HOSTS["iptables-legacy"], nft: "nft" }, { enableNftables: true });
  await bed.keep(rulesFor("v4"));
  await eventually(blockers).toEqual(named("chain FORWARD of iptables-legacy has policy drop"));
});
