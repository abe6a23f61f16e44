/** What flags and surroundings of whole daemons do to a host's rules and routes, and what follows a change of them. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, expect, test } from "vitest";
import { daemonLog } from "../../src/lab/daemon.ts";
import { inNamespace } from "../../src/lab/namespaces.ts";
import { type LabNode, labDirectory } from "../../src/lab/topology.ts";
import { execute, run } from "../../src/runtime/program.ts";
import { eventually } from "../support/eventually.ts";
import { readStatus } from "../support/node-pages.ts";
import { readPublished } from "../support/published-leases.ts";
import { useLab } from "../support/test-lab.ts";

const SENDER = resolve("test/support/datagram-sender.mjs");
const BLACKHOLE = "proto 116 metric 1000000";

const directory = mkdtempSync(join(tmpdir(), "tw-fwall-"));
const exclusions = join(directory, "exclusions");
writeFileSync(exclusions, "192.168.0.0/16\n");
afterAll(() => rmSync(directory, { recursive: true }));

const bed = useLab(
  { name: "fwall", nodes: 2, backend: { Type: "vxlan" }, store: "file", families: "dual" },
  ["--ip-masq", `--ip-masq-exclude=@${exclusions}`, "--iptables-resync=1"],
  { node1: ["--ip-blackhole-route"] },
);

function on(node: LabNode, ...command: readonly string[]): Promise<string> {
  return run("ip", inNamespace(node.namespace, command));
}

/** Destinations of the rules that exclude, as iptables-save has them. */
async function excluded(node = bed.node(1)): Promise<string[]> {
  const saved = await on(node, "iptables-save", "-t", "nat");
  return [...saved.matchAll(/-A FLANNEL-POSTRTG -s 10\.244\.0\.0\/16 -d (\S+) .* -j RETURN/g)].flatMap(
    ([, destination = ""]) => (destination.startsWith("10.244.") ? [] : [destination]),
  );
}

test("the file of exclusions is followed, and what is wrong with it leaves the last good list", async () => {
  expect(await excluded()).toEqual(["192.168.0.0/16"]);
  await writeFile(exclusions, "192.168.0.0/16, 172.16.0.0/12\n");
  await eventually(() => excluded()).toEqual(["192.168.0.0/16", "172.16.0.0/12"]);
  await writeFile(exclusions, "172.16.0.0/33\n");
  const log = () => readFile(daemonLog(bed.node(1)), "utf8");
  await eventually(log).toContain("172.16.0.0/33");
  expect(await excluded()).toEqual(["192.168.0.0/16", "172.16.0.0/12"]);
  await writeFile(exclusions, "");
  await eventually(() => excluded()).toEqual([]);
});

test("--ip-blackhole-route drops what no pod has, and pods still reach each other", async () => {
  const node = bed.node(1);
  const own = (await readPublished(`${labDirectory("fwall")}/store`)).find(
    ({ ip4 }) => ip4 === node.underlay.v4,
  );
  expect(await on(node, "ip", "-4", "route", "show", "type", "blackhole")).toContain(
    `${own?.net4}/24 ${BLACKHOLE}`,
  );
  expect(await on(node, "ip", "-6", "route", "show", "type", "blackhole")).toContain(
    `${own?.net6}/64 dev lo ${BLACKHOLE}`,
  );
  expect((await bed.lab.ping({ count: 3, intervalMs: 10 })).lost).toBe(0);

  const pod = String(own?.net4).replace(/0$/, "200");
  expect(await on(node, "ip", "route", "get", pod)).toContain("dev cni0");
  await on(node, "ip", "link", "set", "cni0", "down");
  expect((await execute("ip", inNamespace(node.namespace, ["ip", "route", "get", pod]))).exitCode).not.toBe(
    0,
  );
  await on(node, "ip", "link", "set", "cni0", "up");
});

test("without the flag what an earlier daemon left of it goes", async () => {
  const node = bed.node(2);
  const own = (await readPublished(`${labDirectory("fwall")}/store`)).find(
    ({ ip4 }) => ip4 === node.underlay.v4,
  );
  await on(node, "ip", "route", "add", "blackhole", `${own?.net4}/24`, ...BLACKHOLE.split(" "));
  const left = () => on(node, "ip", "route", "show", "type", "blackhole");
  await eventually(left).toBe("");
});

test("forwarding that is switched off is named once, with what to do", async () => {
  const node = bed.node(2);
  const named = async () =>
    (await readFile(daemonLog(node), "utf8")).match(/sysctl -w net\.ipv4\.ip_forward=1/g)?.length ?? 0;
  expect(await named()).toBe(0);
  await on(node, "sysctl", "-qw", "net.ipv4.ip_forward=0");
  await eventually(named).toBe(1);
  // New rules are a reason to look again.
  await writeFile(exclusions, "203.0.113.0/24\n");
  await eventually(() => excluded(node)).toEqual(["203.0.113.0/24"]);
  await writeFile(exclusions, "");
  await eventually(() => excluded(node)).toEqual([]);
  expect(await named()).toBe(1);
  await on(node, "sysctl", "-qw", "net.ipv4.ip_forward=1");
});

test("/status tells who keeps the rules and what was refused", async () => {
  const { firewall } = await readStatus(bed.node(1));
  expect(firewall).toMatchObject({ writer: "iptables", notes: [] });
  expect(firewall.refused?.truncated).toEqual({ packets: 0, bytes: 0 });
  const to = bed.node(1).underlay.v4;
  // VNI 1, and no frame behind it.
  const hex = "0800000000000100";
  const forged = [{ from: bed.node(2).underlay.v4, to, port: 8472, hex, count: 3 }];
  await on(bed.node(2), process.execPath, SENDER, JSON.stringify(forged));
  const refused = async () => (await readStatus(bed.node(1))).firewall.refused?.truncated?.packets;
  await eventually(refused).toBe(3);
});
