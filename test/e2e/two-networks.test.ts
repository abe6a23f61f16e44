/**
 * Two daemons on each host, each with a network, a store and a subnet file of its own: one over VXLAN, one over
 * host-gw. Both networks work, each over its own path only, and neither daemon touches what is the other's.
 *
 *     node1  flannel.1  10.244.a.0/24 ──── VXLAN ────  10.244.b.0/24  flannel.1  node2
 *            second     10.12.a.0/24  ──── eth0  ────  10.12.b.0/24   second
 */
import { readFile } from "node:fs/promises";
import { beforeAll, expect, test } from "vitest";
import { readHealthPage } from "../../src/lab/health-page.ts";
import { ipBatch } from "../../src/lab/namespaces.ts";
import { startInNamespace, stopProcess } from "../../src/lab/process.ts";
import { type LabNode, labDirectory } from "../../src/lab/topology.ts";
import { replaceFile } from "../../src/runtime/atomic-file.ts";
import { nodeFiles } from "../../src/runtime/node-files.ts";
import { DEADLINE_MS, eventually } from "../support/eventually.ts";
import { type NetworkTables, readTables, selectTables } from "../support/network-tables.ts";
import { TWEED, tweed, useLab } from "../support/test-lab.ts";

const SECOND_PORT = 8082;
/** No answer is expected, so none is waited for. */
const UNANSWERED = "-W1";

const bed = useLab({ name: "twonet", nodes: 2, backend: { Type: "vxlan" }, store: "file", families: "v4" });
const secondDaemons = new Map<LabNode, number>();

beforeAll(async () => {
  const config = `${labDirectory("twonet")}/second.json`;
  await replaceFile(nodeFiles, config, '{"Network":"10.12.0.0/16","Backend":{"Type":"host-gw"}}', {
    mode: 0o644,
  });
  const stored = await tweed(["store", "configure", config, ...secondStore()]);
  expect(stored).toMatchObject({ exitCode: 0 });
  for (const node of bed.lab.nodes) await startSecond(node);
  for (const node of bed.lab.nodes) {
    await secondIsReady(node);
    // An address in the second subnet, for want of a second CNI plugin.
    await ipBatch(node.namespace, [
      "link add second type bridge",
      "link set second up",
      `address add ${await secondAddress(node)}/24 dev second`,
    ]);
  }
});

test("both networks carry pings", async () => {
  expect((await bed.lab.ping({ count: 5, intervalMs: 10 })).lost).toBe(0);
  const [one, two] = bed.lab.nodes as [LabNode, LabNode];
  expect(await pings(one, await secondAddress(two), ["-I", await secondAddress(one)])).toBe(true);
  expect(await pings(two, await secondAddress(one), ["-I", await secondAddress(two)])).toBe(true);
});

test("neither goes over the other's path", async () => {
  const [one, two] = bed.lab.nodes as [LabNode, LabNode];
  const podIp = (await bed.lab.podIps(two)).v4 ?? "";
  expect(await pings(one, podIp, ["-I", "flannel.1"])).toBe(true);
  expect(await pings(one, podIp, ["-I", "eth0", UNANSWERED])).toBe(false);
  expect(await pings(one, await secondAddress(two), ["-I", "eth0"])).toBe(true);
  expect(await pings(one, await secondAddress(two), ["-I", "flannel.1", UNANSWERED])).toBe(false);
});

test("a restart of either leaves the other's objects alone", async () => {
  const node = bed.node(1);
  const before = await readTables(node.namespace);
  await bed.lab.stopDaemon(node, "SIGTERM");
  await bed.lab.startDaemon(node);
  await bed.lab.waitUntilReady(node);
  expect(await readTables(node.namespace)).toEqual(before);
  await stopSecond(node);
  await startSecond(node);
  await secondIsReady(node);
  expect(await readTables(node.namespace)).toEqual(before);
});

test("each still repairs its own", async () => {
  const node = bed.node(1);
  const before = await readTables(node.namespace);
  const peer = (text: string) => text.replace(/\.\d+$/, ".0/24");
  const second = peer(await secondAddress(bed.node(2)));
  const first = peer((await bed.lab.podIps(bed.node(2))).v4 ?? "");
  await ipBatch(node.namespace, [`route delete ${first}`, `route delete ${second}`]);
  await eventually(() => readTables(node.namespace)).toEqual(before);
});

test("cleaning up after the one leaves the other whole", async () => {
  const node = bed.node(1);
  await stopSecond(node);
  const before = await readTables(node.namespace);
  const cleaned = await tweed(["cleanup", `--subnet-file=${secondFile(node)}`], node.namespace);
  expect(cleaned).toMatchObject({ exitCode: 0 });
  expect(await readTables(node.namespace)).toEqual(without10dot12(before));
  expect((await bed.lab.ping({ count: 3, intervalMs: 10 })).lost).toBe(0);
});

function secondStore(): string[] {
  return ["--store=file", `--store-path=${labDirectory("twonet")}/second-store`];
}

function secondFile(node: LabNode): string {
  return `${node.directory}/second.env`;
}

async function startSecond(node: LabNode): Promise<void> {
  const flags = [
    ...secondStore(),
    "--iface=eth0",
    `--subnet-file=${secondFile(node)}`,
    "--healthz-ip=127.0.0.1",
    `--healthz-port=${SECOND_PORT}`,
    // Both would write the same tables, each over the other's: README says how to run the second.
    "--iptables-forward-rules=false",
    "--ip-masq=false",
    "--forged-packet-filter=off",
  ];
  const logFile = `${node.directory}/second.log`;
  secondDaemons.set(node, await startInNamespace(node.namespace, [...TWEED, "run", ...flags], { logFile }));
}

async function stopSecond(node: LabNode): Promise<void> {
  await stopProcess(secondDaemons.get(node) ?? 0, "SIGTERM", DEADLINE_MS);
}

async function secondIsReady(node: LabNode): Promise<void> {
  await eventually(() => readHealthPage(node.namespace, SECOND_PORT, "/readyz")).toMatchObject({
    status: 200,
  });
}

async function secondAddress(node: LabNode): Promise<string> {
  const text = await readFile(secondFile(node), "utf8");
  return /^FLANNEL_SUBNET=(10\.12\.\d+\.1)\/24$/m.exec(text)?.[1] ?? "none";
}

/** One ping: of several, ping(8) gives the last no longer than twice the slowest before it. */
async function pings(from: LabNode, to: string, flags: readonly string[]): Promise<boolean> {
  const command = ["ping", "-c1", "-W10", ...flags, to];
  const { stdout } = await bed.lab.exec(from.name, command);
  return / 0% packet loss/.test(stdout);
}

/** Without the routes of the second network, but for the one of the bridge in it. */
function without10dot12(tables: NetworkTables): NetworkTables {
  return selectTables(tables, (device, { dst }) => device !== "eth0" || !String(dst).startsWith("10.12."));
}
