/**
 * Every change of backend under load: between every pair of four pods a ping every 10 ms and a TCP stream. On files
 * and on Kubernetes each node learns of a change at a time of its own, on etcd all at once. The long run goes 20 rounds,
 * of a store at a time, and in slices where the machine is needed in between:
 *
 *     TWEED_LONG=1 TWEED_ROUNDS=5 TWEED_SEED=1 npx vitest run --project e2e-alone test/e2e/switch-rounds.test.ts -t "file store"
 */
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { readFirewallRules } from "../../src/lab/firewall-rules.ts";
import { tellKubeApi } from "../../src/lab/kube-api-process.ts";
import { writeNodeConfig } from "../../src/lab/node-config.ts";
import type { LabSpec } from "../../src/lab/topology.ts";
import type { JsonObject } from "../../src/runtime/json.ts";
import { readTables } from "../support/network-tables.ts";
import { useOwnConfigs } from "../support/own-configs.ts";
import { seededRandom, shuffled } from "../support/seeded-random.ts";
import { playRounds, VXLAN } from "../support/switch-round.ts";
import { isLongRun, type TestLab, useLab } from "../support/test-lab.ts";

const NODES = 4;
const NUMBERS = [1, 2, 3, 4];
const ROUNDS = Number(process.env.TWEED_ROUNDS ?? (isLongRun ? 20 : 1));
const LONGEST_GAP_MS = isLongRun ? 10_000 : 300;
const GRACE_MS = 30_000;
const TEST_TIMEOUT_MS = isLongRun ? ROUNDS * 200_000 : 60_000;

const seed = Number(process.env.TWEED_SEED ?? Date.now() % 1_000_000);
console.log(`TWEED_SEED=${seed}`);
const random = seededRandom(seed);

/** Most are short: half are within an eighth of the longest, one in ten is longer than 73% of it. */
function gapMs(): number {
  return LONGEST_GAP_MS * (random.below(1000) / 1000) ** 3;
}

/** All nodes in an order of its own, with gaps between them. */
async function oneByOne(configure: (number: number) => Promise<void>): Promise<void> {
  for (const [index, number] of shuffled(NUMBERS, random).entries()) {
    if (index > 0) await sleep(gapMs());
    await configure(number);
  }
}

describe("file store", () => {
  const spec: LabSpec = { name: "swfile", nodes: NODES, backend: VXLAN, store: "file", families: "v4" };
  const configs = useOwnConfigs(spec);
  const bed = useLab(spec, [], configs.nodeFlags(NODES));
  const configure = (backend: JsonObject) => oneByOne((number) => configs.configure(number, backend));
  changesUnderLoad("file store", bed, [1, 0, 2], configure, true);
});

describe("Kubernetes", () => {
  const spec: LabSpec = { name: "swkube", nodes: NODES, backend: VXLAN, store: "kubernetes", families: "v4" };
  const bed = useLab(spec);
  const configure = (backend: JsonObject) =>
    oneByOne((number) => writeNodeConfig(spec, bed.node(number), backend));
  changesUnderLoad("Kubernetes", bed, [0, 1, 2], configure, isLongRun);

  test("a configuration that is refused becomes an Event on the Node", async () => {
    await writeNodeConfig(spec, bed.node(2), { Type: "pigeon" });
    const posted: unknown[] = [];
    await expect
      .poll(
        async () => {
          const seen = (await tellKubeApi(spec.name, "seen")) as unknown as readonly ApiCall[];
          posted.push(...seen.filter(({ method }) => method === "POST").map(({ body }) => JSON.parse(body)));
          return posted;
        },
        { timeout: 5000 },
      )
      .toEqual([
        expect.objectContaining({
          reason: "NetworkConfigRefused",
          message: expect.stringContaining("pigeon"),
          involvedObject: expect.objectContaining({ kind: "Node", name: "node2" }),
        }),
      ]);
    await writeNodeConfig(spec, bed.node(2), VXLAN);
  });
});

interface ApiCall {
  readonly method: string;
  readonly body: string;
}

describe("etcd", () => {
  const bed = useLab({ name: "swetcd", nodes: NODES, backend: VXLAN, store: "etcd", families: "v4" });
  changesUnderLoad("etcd", bed, [2, 0, 1], (backend) => bed.lab.configure(backend), isLongRun);
});

/** @param looksBack whether to wait for the grace time, too, and see what is left */
function changesUnderLoad(
  title: string,
  bed: TestLab,
  filters: readonly number[],
  configure: (backend: JsonObject) => Promise<void>,
  looksBack: boolean,
): void {
  let fresh: Awaited<ReturnType<typeof readHosts>>;
  let lastChangeMs: number;

  test("every change of backend", { timeout: TEST_TIMEOUT_MS }, async () => {
    fresh = await readHosts(bed);
    try {
      await playRounds(title, bed, ROUNDS, filters, ({ backend }) => configure(backend));
    } finally {
      lastChangeMs = performance.now();
    }
  });

  if (!looksBack) return;
  test("30 s after the last change nothing of another backend is left", async () => {
    await sleep(Math.max(0, lastChangeMs + GRACE_MS - performance.now()));
    await expect.poll(() => readHosts(bed), { timeout: 5000, interval: 250 }).toEqual(fresh);
  });
}

function readHosts({ lab }: TestLab) {
  return Promise.all(
    lab.nodes.map(async ({ namespace }) => ({
      tables: await readTables(namespace),
      rules: await readFirewallRules(namespace),
    })),
  );
}
