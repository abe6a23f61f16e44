/** What other programs do to the rules, and how soon they are right again. */
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { inNamespace } from "../../../src/lab/namespaces.ts";
import { run } from "../../../src/runtime/program.ts";
import { FirewallBed, HOSTS } from "../../support/firewall-bed.ts";
import { rulesFor } from "../../support/firewall-situation.ts";
import { Namespace } from "../../support/netns.ts";

/** Where the kernel tells of changes; where it does not, the resync finds them. */
const BOUND_MS = { nftables: 1000, "iptables-nft": 1000, "iptables-legacy": 5000 };
const RESYNC_MS = 3000;

let node: Namespace;
let bed: FirewallBed;
beforeEach(async () => {
  node = await Namespace.create("fwrep");
});
afterEach(async () => {
  await bed.stop();
  await node.delete();
});

/** How long it takes until the rules were written and `read` tells again what it told before the deed, in ms. */
async function mendedAfter(read: () => Promise<string>, deed: () => Promise<unknown>): Promise<number> {
  const right = await read();
  const { writes } = bed.keeper.status();
  await deed();
  const startMs = performance.now();
  while (bed.keeper.status().writes === writes || (await read()) !== right) {
    if (performance.now() - startMs > 10_000) expect(await read()).toBe(right);
    await sleep(20);
  }
  return performance.now() - startMs;
}

describe("nftables", () => {
  /** Tables one by one, because their order is that of their making. */
  const ruleset = async () => {
    const tables = (await node.exec("nft", "list", "tables")).trim().split("\n").sort();
    return (await Promise.all(tables.map((table) => node.exec("nft", "list", ...table.split(" "))))).join("");
  };
  beforeEach(async () => {
    bed = await FirewallBed.start(node, HOSTS.nftables, { resyncMs: 60_000 });
    await bed.keep(rulesFor("dual"));
  });

  test.each([
    ["flush ruleset"],
    ["delete table ip flannel-ipv4"],
    ["flush chain ip6 flannel-ipv6 postrtg"],
    ["insert rule ip flannel-ipv4 postrtg ip saddr 10.42.0.0/16 return"],
    ["add rule ip flannel-ipv4 forward ip saddr 10.42.0.0/16 accept"],
    ["add chain ip flannel-ipv4 extra"],
  ])("nft %s", async (command) => {
    expect(await mendedAfter(ruleset, () => node.exec("nft", command))).toBeLessThan(BOUND_MS.nftables);
  });

  test("other people's transactions cost nothing", async () => {
    const { writes } = bed.keeper.status();
    for (let number = 0; number < 20; number++) await node.exec("nft", `add table ip other${number}`);
    await sleep(200);
    expect(bed.keeper.status().writes).toBe(writes);
  });
});

describe.each(["nft", "legacy"] as const)("iptables of the %s kind", (kind) => {
  const iptables = (...args: readonly string[]) => node.exec(`iptables-${kind}`, ...args);
  /** Without its first and last line, which tell the time. */
  const saved = async () => (await node.exec(`iptables-${kind}-save`)).replaceAll(/^#.*\n/gm, "");
  const boundMs = BOUND_MS[`iptables-${kind}`];

  beforeEach(async () => {
    const resyncMs = kind === "nft" ? 60_000 : RESYNC_MS;
    bed = await FirewallBed.start(node, HOSTS[`iptables-${kind}`], { resyncMs });
    await bed.keep(rulesFor("dual"));
  });

  test("iptables -t nat -F", async () => {
    expect(await mendedAfter(saved, () => iptables("-t", "nat", "-F"))).toBeLessThan(boundMs);
  });

  test("iptables -F, then -X", async () => {
    // Both at once, or the repair may come in between and the chain cannot be deleted.
    const restore = [`iptables-${kind}-restore`, "--noflush"];
    const deed = () => run("ip", inNamespace(node.name, restore), { input: "*filter\n-F\n-X\nCOMMIT\n" });
    expect(await mendedAfter(saved, deed)).toBeLessThan(boundMs);
  });

  test("a rule moved", async () => {
    const deed = async () => {
      const mark = ["-m", "mark", "--mark", "0x4000/0x4000", "-m", "comment", "--comment", "flanneld masq"];
      await iptables("-t", "nat", "-D", "FLANNEL-POSTRTG", "1");
      await iptables("-t", "nat", "-A", "FLANNEL-POSTRTG", ...mark, "-j", "RETURN");
    };
    expect(await mendedAfter(saved, deed)).toBeLessThan(boundMs);
  });

  test("a duplicate inserted", async () => {
    const jump = ["-m", "comment", "--comment", "flanneld forward", "-j", "FLANNEL-FWD"];
    expect(await mendedAfter(saved, () => iptables("-I", "FORWARD", ...jump))).toBeLessThan(boundMs);
  });

  test("a REJECT before ours stays behind it", async () => {
    const isAhead = async () => {
      const rules = await iptables("-S", "FORWARD");
      return rules.indexOf("FLANNEL-FWD") < rules.indexOf("REJECT");
    };
    await iptables("-I", "FORWARD", "-j", "REJECT");
    const deadlineMs = performance.now() + boundMs;
    while (!(await isAhead()) && performance.now() < deadlineMs) await sleep(20);
    expect(await isAhead()).toBe(true);
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
