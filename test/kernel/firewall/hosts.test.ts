/** Hosts that have this and lack that: it works, or it says exactly what is missing. */
import { readFile } from "node:fs/promises";
import { afterEach, beforeEach, expect, test } from "vitest";
import { processesIn } from "../../../src/lab/namespaces.ts";
import { execute } from "../../../src/runtime/program.ts";
import { EndlessProgram } from "../../support/endless-program.ts";
import { eventually } from "../../support/eventually.ts";
import { FirewallBed, HOSTS } from "../../support/firewall-bed.ts";
import { rulesFor } from "../../support/firewall-situation.ts";
import { Namespace } from "../../support/netns.ts";

const RULES = rulesFor("dual", { flags: { forgedPackets: "drop" } });

const faults = () => bed.hostFirewall.status().faults;

let node: Namespace;
let bed: FirewallBed;
beforeEach(async () => {
  node = await Namespace.create("fwhost");
});
afterEach(async () => {
  await bed.stop();
  await node.delete();
});

test("only nftables: no iptables is asked for", async () => {
  bed = await FirewallBed.start(node, HOSTS.nftables);
  await bed.keep(RULES);
  expect(bed.hostFirewall.status()).toMatchObject({
    writer: "nftables",
    converged: true,
    faults: [],
    notes: [],
  });
});

test.each(["iptables-legacy", "iptables-nft"] as const)("only %s", async (kind) => {
  bed = await FirewallBed.start(node, HOSTS[kind]);
  await bed.keep(RULES);
  expect(bed.hostFirewall.status()).toMatchObject({
    writer: "iptables",
    converged: true,
    faults: [],
    notes: ["forged packets are not filtered: nft is not in the PATH; install nftables"],
  });
});

test("iptables-legacy without its plain name", async () => {
  const programs = ["iptables", "ip6tables"].flatMap((base) => [
    `${base}-legacy-save`,
    `${base}-legacy-restore`,
  ]);
  bed = await FirewallBed.start(node, Object.fromEntries(programs.map((program) => [program, program])));
  await bed.keep(RULES);
  expect(await node.exec("iptables-legacy-save")).toContain("FLANNEL-POSTRTG");
});

test("neither: says what to install, and does not end", async () => {
  bed = await FirewallBed.start(node, HOSTS.nothing);
  bed.hostFirewall.setDesired(RULES, false);
  await eventually(faults).toEqual([
    "iptables-save and iptables-restore are not in the PATH, nor is nft: install iptables or nftables",
    "ip6tables-save and ip6tables-restore are not in the PATH, nor is nft: install iptables or nftables",
  ]);
  expect(bed.hostFirewall.status()).toMatchObject({ writer: null, converged: false });
});

test("EnableNFTables without nft: says so, and leaves iptables alone", async () => {
  bed = await FirewallBed.start(node, HOSTS["iptables-nft"], { enableNftables: true });
  bed.hostFirewall.setDesired(RULES, true);
  await eventually(faults).toEqual([
    "EnableNFTables is set, but nft is not in the PATH: install nftables or unset it",
  ]);
  expect(await node.exec("iptables-nft-save")).toBe("");
});

test("programs that do not work are absent and named: the other family goes on", async () => {
  // It ends with 1 whatever it is asked.
  const broken = { "ip6tables-restore": "../bin/false" };
  bed = await FirewallBed.start(node, { ...HOSTS.nftables, ...HOSTS["iptables-nft"], ...broken });
  await bed.keep(RULES);
  expect(bed.hostFirewall.status()).toMatchObject({
    faults: [],
    notes: [expect.stringMatching(/^ip6tables-restore cannot be used: exit code 1/)],
  });
  expect(await node.exec("iptables-nft-save")).toContain("FLANNEL-FWD");
  const tables = await node.exec("nft", "list", "tables");
  expect(tables).toContain("ip6 flannel-ipv6");
  expect(tables).not.toContain("flannel-ipv4");
});

test("of two kinds of iptables the one in which others have rules is used", async () => {
  await node.exec("iptables-legacy", "-P", "FORWARD", "DROP");
  const both = {
    "iptables-legacy-save": "iptables-legacy-save",
    "iptables-legacy-restore": "iptables-legacy-restore",
  };
  bed = await FirewallBed.start(node, { ...HOSTS["iptables-nft"], ...both });
  await bed.keep(rulesFor("v4"));
  expect(await node.exec("iptables-legacy-save")).toContain("FLANNEL-FWD");
  expect(await node.exec("iptables-nft-save")).not.toContain("FLANNEL");
});

/** The lock of iptables-legacy is a file lock on a path that every namespace shares. */
const LOCK = "/run/xtables.lock";

test("a lock that another program holds is waited out", async () => {
  const holder = new EndlessProgram(node, "flock", "--no-fork", LOCK, "sleep", "infinity");
  const attempt = () => execute("flock", ["--nonblock", "--conflict-exit-code=9", LOCK, "true"]);
  await eventually(attempt).toMatchObject({ exitCode: 9 });
  bed = await FirewallBed.start(node, HOSTS["iptables-legacy"]);
  bed.hostFirewall.setDesired(RULES, false);
  await eventually(programsInside).toContain("iptables-restor");
  expect(await node.exec("iptables-legacy-save")).not.toContain("FLANNEL");
  await holder.stop();
  await bed.agreed();
  expect(await node.exec("iptables-legacy-save")).toContain("FLANNEL");
  expect(bed.hostFirewall.status().faults).toEqual([]);
});

/** Names as the kernel keeps them, of 15 letters at most; "" for what has ended meanwhile. */
async function programsInside(): Promise<string[]> {
  const pids = await processesIn(node.name);
  return Promise.all(
    pids.map(async (pid) => (await readFile(`/proc/${pid}/comm`, "utf8").catch(() => "")).trim()),
  );
}
