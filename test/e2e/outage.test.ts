/**
 * Daemons and the store come and go, the data path stays: not one of the pings that go on every 10 ms is lost. An
 * ordinary run waits for seconds; TWEED_LONG=1 (npm run test:long) for as long as the project promises.
 */
import { readFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, expect, test } from "vitest";
import { daemonLog, subnetFile } from "../../src/lab/daemon.ts";
import type { LabSpec } from "../../src/lab/topology.ts";
import type { ProbeResult } from "../../src/probe/tally.ts";
import { isLongRun, type TestLab, useLab } from "../support/test-lab.ts";

const DAEMON_AWAY_MS = isLongRun ? 10_000 : 2_000;
const STORE_AWAY_MS = isLongRun ? 60_000 : 6_000;
const PING_INTERVAL_MS = 10;
const STOP_BOUND_MS = 2000;

const BACKENDS: readonly Pick<LabSpec, "name" | "backend">[] = [
  { name: "outvx", backend: { Type: "vxlan" } },
  { name: "outgw", backend: { Type: "host-gw" } },
];

const beds = BACKENDS.map(({ name, backend }) =>
  useLab({ name, nodes: 3, backend, store: "etcd", families: "v4" }),
);
/** Time goes by for both labs at once. */
const testBoth = (title: string, scenario: (bed: TestLab) => Promise<void>) =>
  test(title, async () => {
    await Promise.all(beds.map(scenario));
  });

/** What each scenario lost, for whoever wants to quote it. */
const figures: string[] = [];
afterAll(() => console.log(figures.join("\n")));

testBoth(`a daemon killed for ${DAEMON_AWAY_MS} ms and started again`, async (bed) => {
  const { pings, subnets } = await pingDuring(bed, async () => {
    await bed.lab.stopDaemon(bed.node(1), "SIGKILL");
    await sleep(DAEMON_AWAY_MS);
    await bed.lab.startDaemon(bed.node(1));
    await bed.lab.waitUntilReady(bed.node(1));
    await sleep(300);
  });
  expectNoLoss(bed, pings, `daemon away for ${DAEMON_AWAY_MS} ms`, DAEMON_AWAY_MS);
  expect(await readSubnets(bed)).toEqual(subnets);
});

testBoth(`SIGTERM ends a daemon within ${STOP_BOUND_MS} ms`, async (bed) => {
  let tookMs = 0;
  const { pings, subnets } = await pingDuring(bed, async () => {
    const startMs = performance.now();
    await bed.lab.stopDaemon(bed.node(2), "SIGTERM");
    tookMs = performance.now() - startMs;
    expect(await readFile(daemonLog(bed.node(2)), "utf8")).toMatch(/stopped, the data path stays"}\n$/);
    await sleep(300);
    await bed.lab.startDaemon(bed.node(2));
    await bed.lab.waitUntilReady(bed.node(2));
  });
  figures.push(`${bed.lab.spec.backend.Type}: ended ${tookMs.toFixed(0)} ms after SIGTERM`);
  expect(tookMs).toBeLessThan(STOP_BOUND_MS);
  expectNoLoss(bed, pings, "daemon restarted", 300);
  expect(await readSubnets(bed)).toEqual(subnets);
});

testBoth(`etcd away for ${STORE_AWAY_MS} ms, and a daemon started meanwhile`, async (bed) => {
  const { pings, subnets } = await pingDuring(bed, async () => {
    await bed.lab.stopStore("SIGKILL");
    await sleep(STORE_AWAY_MS / 2);
    await bed.lab.stopDaemon(bed.node(3), "SIGTERM");
    await bed.lab.startDaemon(bed.node(3));
    await sleep(STORE_AWAY_MS / 2);
    await bed.lab.startStore();
    await bed.lab.waitUntilReady(bed.node(3));
  });
  expectNoLoss(bed, pings, `etcd away for ${STORE_AWAY_MS} ms`, STORE_AWAY_MS);
  expect(await readSubnets(bed)).toEqual(subnets);
});

testBoth("after that every daemon still follows the store", async (bed) => {
  await Promise.all(bed.lab.nodes.map((node) => bed.lab.waitUntilReady(node)));
  await bed.lab.stopDaemon(bed.node(3), "SIGKILL");
  const key = (await readSubnets(bed))[2]?.replace(/\.1\/24$/, ".0-24") ?? "";
  await bed.lab.tweedInSwitch(["store", "release", key]);
  const subnet = key.replace("-", "/");
  for (const node of [bed.node(1), bed.node(2)]) {
    const routes = async () => (await bed.lab.exec(node.name, ["ip", "route"])).stdout;
    await expect.poll(routes, { timeout: 2000, interval: 50 }).not.toContain(subnet);
  }
});

testBoth("without its lease, a node takes the subnet of its subnet.env again", async (bed) => {
  const subnets = await readSubnets(bed);
  await bed.lab.startDaemon(bed.node(3));
  await bed.lab.waitUntilReady(bed.node(3));
  expect(await readSubnets(bed)).toEqual(subnets);
  await bed.lab.waitForMesh(5000);
});

/** FLANNEL_SUBNET of each node. */
function readSubnets({ lab }: TestLab): Promise<string[]> {
  return Promise.all(
    lab.nodes.map(async (node) => {
      const text = await readFile(subnetFile(node), "utf8");
      return /^FLANNEL_SUBNET=(.*)$/m.exec(text)?.[1] ?? "none";
    }),
  );
}

/** Pings around, pod1 to pod2 to pod3 to pod1, while something happens; and the subnets from before it. */
async function pingDuring(
  bed: TestLab,
  happening: () => Promise<void>,
): Promise<{ pings: readonly ProbeResult[]; subnets: readonly string[] }> {
  const subnets = await readSubnets(bed);
  const ways = [1, 2, 3].map((from) => ({ from: bed.node(from), to: bed.node((from % 3) + 1) }));
  const streams = await Promise.all(
    ways.map(({ from, to }) => bed.lab.startPings(from, to, PING_INTERVAL_MS)),
  );
  try {
    await happening();
  } catch (error) {
    await Promise.all(streams.map((stream) => stream.stop()));
    throw error;
  }
  return { pings: (await Promise.all(streams.map((stream) => stream.stop()))).flat(), subnets };
}

function expectNoLoss(bed: TestLab, pings: readonly ProbeResult[], what: string, leastMs: number): void {
  const total = (field: "sent" | "lost") => pings.reduce((sum, ping) => sum + ping[field], 0);
  figures.push(`${bed.lab.spec.backend.Type}: ${what}: ${total("sent")} pings, ${total("lost")} lost`);
  expect(pings).toHaveLength(3);
  for (const { target, sent, lost } of pings) {
    expect({ target, lost }).toEqual({ target, lost: 0 });
    // A prober on a busy machine catches up on what it owes: fewer means that it did not run.
    expect(sent).toBeGreaterThan((leastMs / PING_INTERVAL_MS) * 0.9);
  }
}
