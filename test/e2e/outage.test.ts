/**
 * Daemons and the store come and go, the data path stays: not one of the pings that go on every 10 ms is lost. An
 * ordinary run waits for seconds; TWEED_LONG=1 (npm run test:long) for as long as the project promises.
 */
import { readFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { daemonLog, subnetFile } from "../../src/lab/daemon.ts";
import type { LabSpec } from "../../src/lab/topology.ts";
import type { ProbeResult } from "../../src/probe/tally.ts";
import { DEADLINE_MS, eventually } from "../support/eventually.ts";
import { isLongRun, type TestLab, useLab } from "../support/test-lab.ts";

const DAEMON_AWAY_MS = isLongRun ? 10_000 : 2_000;
const STORE_AWAY_MS = isLongRun ? 60_000 : 6_000;
const PING_INTERVAL_MS = 10;
/** Pings that are lost late would be lost within this. */
const SETTLE_MS = 300;

const BACKENDS: readonly Pick<LabSpec, "name" | "backend">[] = [
  { name: "outvx", backend: { Type: "vxlan" } },
  { name: "outgw", backend: { Type: "host-gw" } },
];

const beds = BACKENDS.map(({ name, backend }) =>
  useLab({ name, nodes: 2, backend, store: "etcd", families: "v4" }),
);
/** Time goes by for both labs at once. */
const testBoth = (title: string, scenario: (bed: TestLab) => Promise<void>) =>
  test(title, async () => {
    await Promise.all(beds.map(scenario));
  });

testBoth(`a daemon killed for ${DAEMON_AWAY_MS} ms and started again`, async (bed) => {
  await losesNothing(bed, async () => {
    await bed.lab.stopDaemon(bed.node(1), "SIGKILL");
    await sleep(DAEMON_AWAY_MS);
    await bed.lab.startDaemon(bed.node(1));
    await bed.lab.waitUntilReady(bed.node(1));
    await sleep(SETTLE_MS);
  });
});

testBoth("SIGTERM ends a daemon", async (bed) => {
  await losesNothing(bed, async () => {
    await bed.lab.stopDaemon(bed.node(2), "SIGTERM");
    expect(await readFile(daemonLog(bed.node(2)), "utf8")).toMatch(/stopped, data path left in place"}\n$/);
    await sleep(SETTLE_MS);
    await bed.lab.startDaemon(bed.node(2));
    await bed.lab.waitUntilReady(bed.node(2));
  });
});

testBoth(`etcd away for ${STORE_AWAY_MS} ms, and a daemon started meanwhile`, async (bed) => {
  await losesNothing(bed, async () => {
    await bed.lab.stopStore("SIGKILL");
    await sleep(STORE_AWAY_MS / 2);
    await bed.lab.stopDaemon(bed.node(2), "SIGTERM");
    await bed.lab.startDaemon(bed.node(2));
    await sleep(STORE_AWAY_MS / 2);
    await bed.lab.startStore();
    await bed.lab.waitUntilReady(bed.node(2));
  });
});

testBoth("after that the daemon that lived through it still follows the store", async (bed) => {
  await bed.lab.waitUntilReady(bed.node(1));
  await bed.lab.stopDaemon(bed.node(2), "SIGKILL");
  const subnet = (await readSubnets(bed))[1]?.replace(/\.1\/24$/, ".0/24") ?? "none";
  await bed.lab.tweedInSwitch(["store", "release", subnet.replace("/", "-")]);
  const routes = async () => (await bed.lab.exec("node1", ["ip", "route"])).stdout;
  await eventually(routes).not.toContain(subnet);
});

testBoth("without its lease, a node takes the subnet of its subnet.env again", async (bed) => {
  const subnets = await readSubnets(bed);
  await bed.lab.startDaemon(bed.node(2));
  await bed.lab.waitUntilReady(bed.node(2));
  expect(await readSubnets(bed)).toEqual(subnets);
  await bed.lab.waitForMesh(DEADLINE_MS);
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

/** Pings from pod1 to pod2 while something happens: none is lost, and the nodes keep their subnets. */
async function losesNothing(bed: TestLab, happening: () => Promise<void>): Promise<void> {
  const subnets = await readSubnets(bed);
  const stream = await bed.lab.startPings(bed.node(1), bed.node(2), PING_INTERVAL_MS);
  let pings: readonly ProbeResult[];
  try {
    await happening();
  } finally {
    pings = await stream.stop();
  }
  expect(pings).toMatchObject([{ lost: 0 }]);
  expect(pings[0]?.received).toBeGreaterThan(0);
  expect(await readSubnets(bed)).toEqual(subnets);
}
