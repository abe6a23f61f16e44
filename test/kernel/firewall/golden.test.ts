import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { FAMILIES, parseIp, parsePrefix } from "../../../src/net/index.ts";
import { FirewallBed, HOSTS } from "../../support/firewall-bed.ts";
import { rulesFor, type SituationOptions, type STACKS } from "../../support/firewall-situation.ts";
import { Namespace } from "../../support/netns.ts";

const CASES: readonly { name: string; stack: keyof typeof STACKS; options?: SituationOptions }[] = [
  { name: "v4", stack: "v4" },
  { name: "v6", stack: "v6" },
  { name: "dual", stack: "dual" },
  { name: "v4-no-masquerade", stack: "v4", options: { flags: { masquerade: false } } },
  { name: "v4-no-forward-rules", stack: "v4", options: { flags: { forwardRules: false } } },
  { name: "v4-not-fully-random", stack: "v4", options: { flags: { masqueradeFullyRandom: false } } },
  {
    name: "dual-exclusions",
    stack: "dual",
    options: { masqueradeExclusions: ["192.168.0.0/16", "203.0.113.9/32", "fd99::/16"].map(parsePrefix) },
  },
];

let node: Namespace;
let bed: FirewallBed;
beforeEach(async () => {
  node = await Namespace.create("fwgold");
});
afterEach(async () => {
  await bed.stop();
  await node.delete();
});

/** Text that a first look at a node would print, as flannel's own tests do. */
async function iptablesText(kind: "nft" | "legacy"): Promise<string> {
  const parts: string[] = [];
  for (const base of ["iptables", "ip6tables"]) {
    const saved = (await node.exec(`${base}-${kind}-save`)).split("\n");
    for (const [table, ...chains] of [
      ["nat", "POSTROUTING", "FLANNEL-POSTRTG"],
      ["filter", "FORWARD", "FLANNEL-FWD"],
    ] as const) {
      for (const chain of chains) {
        // To list a chain of iptables-legacy would make its table.
        if (!saved.some((line) => line.startsWith(`:${chain} `))) continue;
        const words = [`${base}-${kind}`, "-w", "-t", table, "-S", chain];
        parts.push(`# ${base} -t ${table} -S ${chain}`, (await node.exec(...words)).trim());
      }
    }
  }
  return `${parts.join("\n")}\n`;
}

describe.each(CASES)("$name", ({ name, stack, options = {} }) => {
  test.each(["nft", "legacy"] as const)("iptables of the %s kind", async (kind) => {
    bed = await FirewallBed.start(node, HOSTS[`iptables-${kind}`]);
    await bed.keep(rulesFor(stack, options));
    const text = await iptablesText(kind);
    // A chain of the kernel's that nobody has touched is there or not, as its program likes.
    const touched = text.replaceAll(/# .*\n-P \w+ ACCEPT\n(?=#|$)/g, "");
    await expect(touched).toMatchFileSnapshot(`../../golden/firewall/iptables-${name}.txt`);
  });

  test("nftables", async () => {
    bed = await FirewallBed.start(node, HOSTS.nftables);
    await bed.keep(rulesFor(stack, options));
    const text = await node.exec("nft", "list", "ruleset");
    await expect(text).toMatchFileSnapshot(`../../golden/firewall/nft-${name}.txt`);
  });
});

describe("the packet filter", () => {
  const peer = { v4: ["192.0.2.2", "10.42.2.0/24"], v6: ["2001:db8::2", "fd00:10:244:2::/64"] } as const;
  test.each([
    ["v4", "drop"],
    ["v6", "drop"],
    ["dual", "drop"],
    ["dual", "log"],
  ] as const)("%s, %s", async (stack, forgedPackets) => {
    bed = await FirewallBed.start(node, HOSTS.nftables);
    const families = FAMILIES.filter((family) => stack === "dual" || stack === family);
    const senders = families.map((family) => {
      const [outer, inner] = peer[family];
      return { outer: parseIp(outer), inner: parsePrefix(inner) };
    });
    const rules = rulesFor(stack, {
      flags: { forgedPackets, masquerade: false, forwardRules: false },
      origins: {
        vxlan: { ports: [8472], vnis: [1], senders },
        ipip: null,
        arrivals: {
          tunnels: ["flannel.1"],
          underlay: ["eth0"],
          bare: ["eth0"],
          barePeers: senders.map(({ inner }) => inner),
          peers: [parsePrefix("10.42.9.0/24"), parsePrefix("fd00:10:244:9::/64")],
          hosts: [],
        },
      },
    });
    await bed.keep(rules);
    const text = (await node.exec("nft", "list", "ruleset")).replaceAll(/ expires \w+/g, "");
    const name = `nft-packet-filter-${stack}${forgedPackets === "log" ? "-log" : ""}`;
    await expect(text).toMatchFileSnapshot(`../../golden/firewall/${name}.txt`);
  });
});
