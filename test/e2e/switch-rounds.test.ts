/**
 * Every change of backend under load: between every pair of pods a ping every 10 ms and a TCP stream. On files and on
 * Kubernetes each node learns of a change at a time of its own, on etcd all at once. In an ordinary run each change meets
 * each value of rp_filter once, on one of the stores; streams hold, the ends agree, and changes within the kernel lose no
 * ping where the filter is not strict. The long run alone has four nodes in place of three, all three filters on each
 * store, seconds between nodes, the look back on every store, and the bounds on what changes lose and how long they last.
 * It goes 20 rounds, of a store at a time, and in slices where the machine is needed in between:
 *
 *     TWEED_LONG=1 TWEED_ROUNDS=5 TWEED_SEED=1 npx vitest run --project e2e-alone test/e2e/switch-rounds.test.ts -t "file store"
 */
import { randomInt } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { readFirewallRules } from "../../src/lab/firewall-rules.ts";
import { tellKubeApi } from "../../src/lab/kube-api-process.ts";
import { writeNodeConfig } from "../../src/lab/node-config.ts";
import type { LabSpec } from "../../src/lab/topology.ts";
import type { JsonObject } from "../../src/runtime/json.ts";
import { eventually } from "../support/eventually.ts";
import { readTables } from "../support/network-tables.ts";
import { useOwnConfigs } from "../support/own-configs.ts";
import { seededRandom, shuffled } from "../support/seeded-random.ts";
import { playRounds, VXLAN } from "../support/switch-round.ts";
import { isLongRun, type TestLab, useLab } from "../support/test-lab.ts";

const NODES = isLongRun ? 4 : 3;
const NUMBERS = Array.from({ length: NODES }, (_, index) => index + 1);
const ROUNDS = Number(process.env.TWEED_ROUNDS ?? (isLongRun ? 20 : 1));
const LONGEST_GAP_MS = isLongRun ? 10_000 : 300;
const GRACE_MS = 30_000;
const ROUND_TIMEOUT_MS = 300_000;

const seed = Number(process.env.TWEED_SEED ?? randomInt(1_000_000));
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
  changesUnderLoad("file store", bed, 0, configure, true);
});

describe("Kubernetes", () => {
  const spec: LabSpec = { name: "swkube", nodes: NODES, backend: VXLAN, store: "kubernetes", families: "v4" };
  const bed = useLab(spec);
  const configure = (backend: JsonObject) =>
    oneByOne((number) => writeNodeConfig(spec, bed.node(number), backend));
  changesUnderLoad("Kubernetes", bed, 1, configure, isLongRun);

  test("a configuration that is refused becomes an Event on the Node", async () => {
    await writeNodeConfig(spec, bed.node(2), { Type: "pigeon" });
    const posted: unknown[] = [];
    const everPosted = async () => {
      const seen = (await tellKubeApi(spec.name, "seen")) as unknown as readonly ApiCall[];
      posted.push(...seen.filter(({ method }) => method === "POST").map(({ body }) => JSON.parse(body)));
      return posted;
    };
    await eventually(everPosted).toEqual([
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
  changesUnderLoad("etcd", bed, 2, (backend) => bed.lab.configure(backend), isLongRun);
});

/**
 * @param shift of the filters, see {@link playRounds}
 * @param looksBack whether to wait for the grace time, too, and see what is left
 */
function changesUnderLoad(
  title: string,
  bed: TestLab,
  shift: number,
  configure: (backend: JsonObject) => Promise<void>,
  looksBack: boolean,
): void {
  let fresh: Awaited<ReturnType<typeof readHosts>>;

  const playAll = async () => {
    fresh = await readHosts(bed);
    await playRounds(title, bed, ROUNDS, shift, ({ backend }) => configure(backend));
  };
  test("every change of backend", playAll, ROUNDS * ROUND_TIMEOUT_MS);

  if (!looksBack) return;
  test("30 s after the last change nothing of another backend is left", async () => {
    await sleep(GRACE_MS);
    await eventually(() => readHosts(bed)).toEqual(fresh);
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
