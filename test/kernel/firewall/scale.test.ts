/** 5,000 peers in the packet filter. */
import { afterEach, beforeEach, expect, test } from "vitest";
import { vxlanSenders } from "../../../bench/promises/vxlan-senders.ts";
import type { RuleSet } from "../../../src/kernel/firewall/rule-set.ts";
import { eventually } from "../../support/eventually.ts";
import { FirewallBed, HOSTS } from "../../support/firewall-bed.ts";
import { rulesFor } from "../../support/firewall-situation.ts";
import { Namespace } from "../../support/netns.ts";

const PEERS = 5000;

function rulesWith(count: number): RuleSet {
  const senders = vxlanSenders(count);
  return rulesFor("dual", {
    flags: { forgedPackets: "drop" },
    origins: { vxlan: { ports: [8472], vnis: [1], senders }, ipip: null, arrivals: null },
  });
}

let node: Namespace;
let bed: FirewallBed;
beforeEach(async () => {
  node = await Namespace.create("fwscale");
  bed = await FirewallBed.start(node, HOSTS.nftables);
});
afterEach(async () => {
  await bed.stop();
  await node.delete();
});

/** Elements of the set of IPv4 peers. */
async function elements(): Promise<number> {
  const text = await node.exec("nft", "list", "set", "inet", "tweed-packet-filter", "vxlan-senders-v4");
  return text.match(/ \. 0x/g)?.length ?? 0;
}

test("one peer more is one element more, in one write", async () => {
  const [fewer, more] = [rulesWith(PEERS - 1), rulesWith(PEERS)];
  await bed.keep(fewer);
  expect(await elements()).toBe(PEERS - 1);
  const { writes } = bed.hostFirewall.status();
  await bed.keep(more);
  expect(await elements()).toBe(PEERS);
  await bed.keep(fewer);
  expect(await elements()).toBe(PEERS - 1);
  expect(bed.hostFirewall.status().writes).toBe(writes + 2);
});

test("a flush is answered with all of it", async () => {
  await bed.keep(rulesWith(PEERS));
  await node.exec("nft", "flush", "ruleset");
  await eventually(elements).toBe(PEERS);
});
