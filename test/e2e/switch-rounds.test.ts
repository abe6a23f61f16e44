/**
 * Every change of backend under load: between every pair of four pods a ping every 10 ms and a TCP stream. On the
 * file store each node learns of a change at a time of its own; on etcd all at once. TWEED_LONG=1 goes 20 rounds.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, expect, test } from "vitest";
import { writeSysctls } from "../../src/lab/namespaces.ts";
import type { LabSpec } from "../../src/lab/topology.ts";
import type { JsonObject } from "../../src/runtime/json.ts";
import { disagreements, readCarriers, waitForCarrier } from "../support/carriers.ts";
import { LossTally } from "../support/loss-tally.ts";
import { type NetworkTables, readTables } from "../support/network-tables.ts";
import { useOwnConfigs } from "../support/own-configs.ts";
import { PodTraffic } from "../support/pod-traffic.ts";
import { seededRandom, shuffled } from "../support/seeded-random.ts";
import { isLongRun, type TestLab, useLab } from "../support/test-lab.ts";

const NODES = 4;
const VXLAN = { Type: "vxlan" };

interface Turn {
  readonly backend: JsonObject;
  readonly device: string;
}

/** One round, from plain vxlan to plain vxlan. */
const ROUND: readonly Turn[] = [
  { backend: { Type: "host-gw" }, device: "eth0" },
  { backend: { Type: "udp" }, device: "flannel0" },
  { backend: VXLAN, device: "flannel.1" },
  { backend: { Type: "vxlan", VNI: 7, Port: 4789 }, device: "flannel.7" },
  { backend: { Type: "vxlan", DirectRouting: true }, device: "eth0" },
  { backend: VXLAN, device: "flannel.1" },
];
const ROUNDS = isLongRun ? 20 : 1;
const STAGGER_MS = isLongRun ? 10_000 : 300;
const GRACE_MS = 30_000;
const TEST_TIMEOUT_MS = isLongRun ? ROUNDS * ROUND.length * (NODES * STAGGER_MS + 15_000) : 60_000;

const seed = Number(process.env.TWEED_SEED ?? Date.now() % 1_000_000);
console.log(`TWEED_SEED=${seed}`);

const fileSpec: LabSpec = { name: "swfile", nodes: NODES, backend: VXLAN, store: "file", families: "v4" };
const configs = useOwnConfigs(fileSpec);
const files = useLab(fileSpec, [], configs.nodeFlags(NODES));
const etcd = useLab({ name: "swetcd", nodes: NODES, backend: VXLAN, store: "etcd", families: "v4" });

const report: string[] = [];
afterAll(() => console.log(report.join("\n")));

let fresh: readonly NetworkTables[];
let lastChangeMs: number;

test("file store, each node at its own time", { timeout: TEST_TIMEOUT_MS }, async () => {
  const random = seededRandom(seed);
  fresh = await tablesOf(files);
  await playRounds("file store", files, [1, 0, 2], async ({ backend }) => {
    for (const { number } of shuffled(numbered(files), random)) {
      await sleep(random.below(STAGGER_MS));
      await configs.configure(number, backend);
    }
  });
  lastChangeMs = performance.now();
});

test("etcd", { timeout: TEST_TIMEOUT_MS }, async () => {
  await playRounds("etcd", etcd, [2, 0, 1], ({ backend }) => etcd.lab.configure(backend));
});

test("30 s after the last change nothing of another backend is left", {
  timeout: TEST_TIMEOUT_MS,
}, async () => {
  await sleep(Math.max(0, lastChangeMs + GRACE_MS - performance.now()));
  await expect.poll(() => tablesOf(files), { timeout: 5000, interval: 250 }).toEqual(fresh);
});

async function playRounds(
  title: string,
  bed: TestLab,
  filters: readonly number[],
  change: (turn: Turn) => Promise<void>,
): Promise<void> {
  const tally = new LossTally(title);
  const traffic = await PodTraffic.start(bed.lab);
  try {
    for (let round = 0; round < ROUNDS; round++) {
      for (const [index, turn] of ROUND.entries()) {
        const filter = filters[(round + index) % filters.length] ?? 0;
        await setReversePathFilter(bed, filter);
        const reading = await traffic.during(async () => {
          await change(turn);
          await waitForCarrier(bed.lab, turn.device);
          expect(disagreements(await readCarriers(bed.lab))).toEqual([]);
          await sleep(500);
        });
        tally.add(`rp_filter ${filter}, to ${JSON.stringify(turn.backend)}`, reading);
      }
    }
  } finally {
    tally.close(await traffic.stop());
    report.push(String(tally));
  }
  tally.expectWithinBounds();
  tally.expectMostlyNone();
}

function numbered({ lab }: TestLab): { readonly number: number }[] {
  return lab.nodes.map((_, index) => ({ number: index + 1 }));
}

function tablesOf({ lab }: TestLab): Promise<readonly NetworkTables[]> {
  return Promise.all(lab.nodes.map((node) => readTables(node.namespace)));
}

/** On every device, also those to come: 0 is off, 1 strict, 2 loose (Documentation/networking/ip-sysctl.rst). */
async function setReversePathFilter({ lab }: TestLab, value: number): Promise<void> {
  for (const { namespace } of lab.nodes) {
    const devices = ["all", "default", "eth0", "cni0"];
    await writeSysctls(
      namespace,
      Object.fromEntries(devices.map((device) => [`net/ipv4/conf/${device}/rp_filter`, String(value)])),
    );
  }
}
