/**
 * One real daemon in a cluster of thousands of nodes, and its disturbances: `npm run bench:scale`. Prints a table, then
 * what 20,000 nodes would cost by the measured slopes, and ends with 1 when a bound is missed. Requires root, iproute2,
 * nftables, openssl and etcd; runs only in network namespaces that it creates.
 *
 *     npm run bench:scale -- --store etcd --nodes 500 --minutes 0.5 --only churn --json /tmp/scale.json
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { createInterface } from "node:readline";
import { parseArgs } from "node:util";
import { inNamespace } from "../../src/lab/namespaces.ts";
import { requirePrograms } from "../../src/lab/requirements.ts";
import { switchNamespace } from "../../src/lab/topology.ts";
import { messageOf } from "../../src/runtime/error.ts";
import { buildSite, removeSite, siteNode, siteSpec } from "../control/site.ts";
import { readHostFacts } from "../host-facts.ts";
import { DaemonWatch } from "./daemon-watch.ts";
import { type Measured, missedBounds, type Outcome } from "./disturbance.ts";
import { measureDisturbances } from "./disturbances.ts";
import { EtcdScaleStore } from "./etcd-store.ts";
import { KubernetesScaleStore } from "./kubernetes-store.ts";
import { loopFile } from "./measured-daemon.ts";
import { extrapolationTable, outcomeLine, outcomeTable } from "./report.ts";
import { forEachConcurrently, type ScaleStoreKind } from "./scale-store.ts";
import { measureSlope, type SlopeSample } from "./slope.ts";
import { SyntheticNodes } from "./synthetic-nodes.ts";

const STORES: readonly ScaleStoreKind[] = ["etcd", "kubernetes"];
const SELF = [process.execPath, ...process.execArgv, process.argv[1] ?? ""];
const SLOPES = "slopes";
/** Shares of the number of nodes. */
const SLOPE_SIZES = [0.2, 0.5, 1];
const FILLERS = 32;

/** A part that this program runs by starting itself in the switch's namespace; it prints its results, a line of JSON each. */
interface Section {
  readonly what: "disturbances" | "slopes";
  readonly kind: ScaleStoreKind;
  readonly nodes: number;
  readonly churnMs: number;
  readonly only: string;
}

async function measureSection(section: Section, signal: AbortSignal): Promise<void> {
  const { what, kind, nodes: count, churnMs, only } = section;
  const nodes = new SyntheticNodes(count);
  const store = kind === "etcd" ? await EtcdScaleStore.open() : await KubernetesScaleStore.open(count);
  const watch = new DaemonWatch(loopFile());
  try {
    await store.configure({ Type: "vxlan" });
    await forEachConcurrently(nodes.all, FILLERS, (node) => store.put(node));
    const { namespace } = siteNode();
    const measured: Measured = { kind, nodes, store, watch, namespace };
    const results =
      what === "slopes"
        ? measureSlope(measured, signal)
        : measureDisturbances(measured, { churnMs, only }, signal);
    for await (const result of results) process.stdout.write(`${JSON.stringify(result)}\n`);
  } finally {
    watch.stop();
    await store.close();
  }
}

/** @param onResult called for each result, also where the section fails later */
async function inSwitch<Result>(
  section: Section,
  onResult: (result: Result) => void,
  signal: AbortSignal,
): Promise<void> {
  await buildSite("file");
  const { name } = siteSpec("file", 1);
  const command = inNamespace(switchNamespace(name), [...SELF, "--section", JSON.stringify(section)]);
  const child = spawn("ip", command, { stdio: ["ignore", "pipe", "inherit"], signal });
  const exited = once(child, "exit");
  for await (const line of createInterface(child.stdout)) onResult(JSON.parse(line) as Result);
  const [exitCode] = await exited;
  if (exitCode !== 0) throw new Error(`it ended with ${exitCode}`);
}

interface Options {
  readonly stores: readonly ScaleStoreKind[];
  readonly nodes: number;
  readonly churnMs: number;
  readonly only: string;
}

async function measureAll(
  { stores, nodes, churnMs, only }: Options,
  json: string | undefined,
): Promise<number> {
  const stop = new AbortController();
  for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    // Every signal, not only the first: a second one during the removal of the site would leave part of it.
    process.on(name, () => stop.abort(new Error(`stopped by ${name}`)));
  }
  const { signal } = stop;
  await requirePrograms(["ip", "bridge", "nft", "etcd", "openssl"], (line) =>
    process.stderr.write(`${line}\n`),
  );
  const outcomes: Outcome[] = [];
  const slopes: { readonly kind: ScaleStoreKind; readonly samples: SlopeSample[] }[] = [];
  const failures: string[] = [];
  const measure = async <Result>(section: Section, onResult: (result: Result) => void) => {
    try {
      await inSwitch(section, onResult, signal);
    } catch (error) {
      signal.throwIfAborted();
      failures.push(`${section.nodes} nodes, ${section.kind}, ${section.what}: ${messageOf(error)}`);
    }
  };
  try {
    for (const kind of stores) {
      const section: Section = { what: "disturbances", kind, nodes, churnMs, only };
      if (only !== SLOPES) {
        await measure<Outcome>(section, (outcome) => {
          outcomes.push(outcome);
          process.stderr.write(`${outcomeLine(outcome)}\n`);
        });
      }
      if (only !== SLOPES && only !== "") continue;
      const samples: SlopeSample[] = [];
      for (const share of SLOPE_SIZES) {
        const smaller: Section = { ...section, what: SLOPES, nodes: Math.round(nodes * share) };
        await measure<SlopeSample>(smaller, (sample) => samples.push(sample));
      }
      slopes.push({ kind, samples });
    }
  } finally {
    await removeSite();
  }
  if (outcomes.length > 0) process.stdout.write(`${outcomeTable(outcomes)}\n`);
  for (const { kind, samples } of slopes) {
    if (samples.length > 0) process.stdout.write(`\n${extrapolationTable(kind, samples)}\n`);
  }
  const missed = outcomes.flatMap((outcome) =>
    missedBounds(outcome).map((bound) => `${outcome.store}: ${outcome.disturbance}: ${bound}`),
  );
  for (const line of missed) process.stdout.write(`bound missed: ${line}\n`);
  for (const failure of failures) process.stdout.write(`not measured to its end: ${failure}\n`);
  if (json !== undefined) {
    const host = await readHostFacts();
    const record = { format: "tweed-scale-1", host, outcomes, slopes, missed, failures };
    await writeFile(json, `${JSON.stringify(record, null, 1)}\n`);
  }
  return missed.length + failures.length === 0 ? 0 : 1;
}

function readOptions(values: Readonly<Record<"store" | "nodes" | "minutes" | "only", string>>): Options {
  const stores = values.store === "" ? STORES : STORES.filter((kind) => kind === values.store);
  if (stores.length === 0) throw new Error(`--store is ${values.store}, expected ${STORES.join(" or ")}`);
  const [nodes, minutes] = [Number(values.nodes), Number(values.minutes)];
  if (!Number.isInteger(nodes) || nodes < 200)
    throw new Error(`--nodes is ${values.nodes}, expected 200 or more`);
  if (!(minutes > 0)) throw new Error(`--minutes is ${values.minutes}, expected a positive number`);
  return { stores, nodes, churnMs: minutes * 60_000, only: values.only };
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      store: { type: "string", default: "" },
      nodes: { type: "string", default: "5000" },
      only: { type: "string", default: "" },
      minutes: { type: "string", default: "5" },
      json: { type: "string" },
      section: { type: "string" },
    },
  });
  if (values.section === undefined) return measureAll(readOptions(values), values.json);
  const stop = new AbortController();
  process.on("SIGTERM", () => stop.abort(new Error("stopped by SIGTERM")));
  await measureSection(JSON.parse(values.section) as Section, stop.signal);
  return 0;
}

main().then(
  (exitCode) => process.exit(exitCode),
  (error: unknown) => {
    process.stderr.write(`bench:scale: ${messageOf(error)}\n`);
    process.exit(1);
  },
);
