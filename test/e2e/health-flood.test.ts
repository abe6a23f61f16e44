/**
 * The health port is open to the whole network: whoever floods it, from the node's own host or from another one, neither
 * keeps the kubelet's probes from their answers nor has the daemon grow past the manifest's memory limit.
 */
import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, describe, expect, test } from "vitest";
import { HEALTH_PORT } from "../../src/lab/daemon.ts";
import type { LabNode } from "../../src/lab/topology.ts";
import { labDirectory } from "../../src/lab/topology.ts";
import { DaemonProcess } from "../support/daemon-process.ts";
import { eventually } from "../support/eventually.ts";
import { daemonContainer } from "../support/manifests/daemon-pod.ts";
import { parseObjects, readDeployFile } from "../support/manifests/objects.ts";
import { readReadiness } from "../support/node-pages.ts";
import { publish, readPublished } from "../support/published-leases.ts";
import { useLab } from "../support/test-lab.ts";

const NAME = "flood";
const FLOOD = resolve("test/support/connection-flood.mjs");
/** As the kubelet asks, at the node's address, and without a limit of time. */
const ASK = "fetch(process.argv[1]).then(async (answer) => console.log(answer.status, await answer.text()))";
/** Leases of nodes that are not there make the status document large. */
const ABSENT_PEERS = 200;

const bed = useLab({ name: NAME, nodes: 2, backend: { Type: "vxlan" }, store: "file", families: "v4" }, [
  "--healthz-ip=0.0.0.0",
]);
const attacked = () => bed.node(1);
const FLOODERS = [
  ["the node's own host", () => bed.node(1)],
  ["another host", () => bed.node(2)],
] as const;

let floods: DaemonProcess[] = [];
afterEach(async () => {
  await Promise.all(floods.map((flood) => flood.stop()));
  floods = [];
});

describe.each(FLOODERS)("64 idle connections from %s", (_who, from) => {
  test("leave each probe of the node its answer", async () => {
    // The listener closes them after a few seconds, so others come.
    for (let round = 0; round < 2; round++) {
      const flood = await startFlood(from(), 64, "idle");
      for (let probe = 0; probe < 5; probe++) {
        expect(await readReadiness(attacked())).toMatchObject({ status: 200 });
        await sleep(100);
      }
      expect(await probeAtAddress()).toBe("200 flanneld is ready\n");
      await flood.stop();
    }
  });
});

test("40 connections from each host that ask for the status on and on and read nothing cost no memory", async () => {
  await publishAbsentPeers();
  for (const [, from] of FLOODERS) await startFlood(from(), 40, "pipeline");
  // As many as there are were cut off and came back.
  await eventually(() => Math.min(...floods.map(connections))).toBeGreaterThanOrEqual(80);
  const peakBytes = await peakMemoryBytes(bed.lab.daemonPid(attacked()));
  expect(peakBytes).toBeGreaterThan(0);
  expect(peakBytes).toBeLessThan(await memoryLimitBytes());
  await Promise.all(floods.map((flood) => flood.stop()));
  await eventually(() => readReadiness(attacked())).toMatchObject({ status: 200 });
});

async function startFlood(from: LabNode, count: number, manner: "idle" | "pipeline"): Promise<DaemonProcess> {
  const command = [
    process.execPath,
    FLOOD,
    addressOf(attacked()),
    `${HEALTH_PORT}`,
    `${count}`,
    manner,
    "/status",
  ];
  const flood = DaemonProcess.start(from.namespace, command);
  floods.push(flood);
  await eventually(() => connections(flood)).toBeGreaterThanOrEqual(count);
  return flood;
}

/** How often it has connected. */
function connections({ output }: DaemonProcess): number {
  return Number(output.trimEnd().split("\n").at(-1));
}

async function probeAtAddress(): Promise<string> {
  const url = `http://${addressOf(attacked())}:${HEALTH_PORT}/readyz`;
  const { stdout, stderr } = await bed.lab.exec(attacked().name, [process.execPath, "-e", ASK, url]);
  return stdout + stderr;
}

function addressOf({ underlay }: LabNode): string {
  if (underlay.v4 === null) throw new Error("the lab has no IPv4");
  return underlay.v4;
}

/** In subnets that nobody has. */
async function publishAbsentPeers(): Promise<void> {
  const store = `${labDirectory(NAME)}/store`;
  const taken = new Set((await readPublished(store)).map(({ net4 }) => net4));
  for (let number = 1; number <= ABSENT_PEERS; number++) {
    const net4 = `10.244.${number}.0`;
    if (taken.has(net4)) continue;
    const mac = `0e:00:00:00:00:${number.toString(16).padStart(2, "0")}`;
    await publish(store, `${net4}-24`, {
      ...{ PublicIP: `198.18.200.${number}`, PublicIPv6: null },
      ...{ BackendType: "vxlan", BackendData: { VNI: 1, VtepMAC: mac } },
    });
  }
}

/** The most that it has had in memory since its start. */
async function peakMemoryBytes(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  return Number(/^VmHWM:\s*(\d+) kB$/m.exec(status)?.[1]) * 1024;
}

async function memoryLimitBytes(): Promise<number> {
  const { resources } = daemonContainer(parseObjects(await readDeployFile("kube-tweed.yml")));
  return Number(/^(\d+)Mi$/.exec(resources?.limits?.memory ?? "")?.[1]) * 1024 * 1024;
}
