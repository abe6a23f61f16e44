/**
 * The cost of the control plane: `npm run bench:control`. Prints a table and ends with 1 when a bound is missed.
 * Requires root, iproute2 and etcd; runs only in network namespaces that it creates.
 */
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import type { DaemonProgram } from "../../src/lab/daemon.ts";
import { inNamespace } from "../../src/lab/namespaces.ts";
import { requirePrograms } from "../../src/lab/requirements.ts";
import { switchNamespace } from "../../src/lab/topology.ts";
import { messageOf } from "../../src/runtime/error.ts";
import { run } from "../../src/runtime/program.ts";
import { type Figure, isMissed } from "../figures/figure.ts";
import { formatTable } from "../figures/table.ts";
import { measureDaemonAtScale } from "./daemon-scale.ts";
import { measureInProcess } from "./in-process.ts";
import { measureOnKubernetes } from "./kubernetes-scale.ts";
import { buildSite, removeSite, type StoreKind, siteNode, siteSpec } from "./site.ts";
import { measureStartUp } from "./start-up.ts";

const SECTION_TIMEOUT_MS = 600_000;
const STORES: readonly StoreKind[] = ["file", "etcd"];
const SELF = [process.execPath, ...process.execArgv, process.argv[1] ?? ""];
const PROGRAM: DaemonProgram = { tweed: [process.execPath, resolve("dist/tweed.cjs")], extraFlags: [] };

/** Sections that this program runs by starting itself in a network namespace; they print figures as JSON. */
async function runSection([section, ...words]: readonly string[]): Promise<void> {
  const figures = await measureSection(section as Section, words);
  process.stdout.write(JSON.stringify(figures));
}

type Section = "daemon" | "in-process" | "kubernetes";

function measureSection(section: Section, [where = "", peers]: readonly string[]): Promise<Figure[]> {
  switch (section) {
    case "daemon":
      return measureDaemonAtScale({ store: where as StoreKind, peers: Number(peers) }, PROGRAM);
    case "kubernetes":
      return measureOnKubernetes(Number(peers), PROGRAM);
    case "in-process":
      return measureInProcess(Number(peers));
  }
}

async function measureInNamespace(
  namespace: string,
  section: Section,
  { store, peers }: { readonly store: StoreKind; readonly peers: number },
  signal: AbortSignal,
): Promise<Figure[]> {
  const command = inNamespace(namespace, [...SELF, "--section", section, store, String(peers)]);
  return JSON.parse(await run("ip", command, { timeoutMs: SECTION_TIMEOUT_MS, signal })) as Figure[];
}

/** @param only part of the titles of the sections that are run */
async function measureAll(
  peerCounts: readonly number[],
  only: string,
  signal: AbortSignal,
): Promise<Figure[]> {
  const figures: Figure[] = [];
  const section = async (title: string, measure: () => Promise<Figure[]>) => {
    signal.throwIfAborted();
    if (!title.includes(only)) return;
    process.stderr.write(`${title} …\n`);
    figures.push(...(await measure()));
  };
  await section("start-up and idle", () => measureStartUp(PROGRAM, signal));
  for (const peers of peerCounts) {
    await section(`${peers} peers, step by step`, async () => {
      await buildSite("file");
      return measureInNamespace(siteNode().namespace, "in-process", { store: "file", peers }, signal);
    });
    for (const store of STORES) {
      await section(`${peers} peers, daemon on ${store}`, async () => {
        await buildSite(store);
        const { name } = siteSpec(store, 1);
        return measureInNamespace(switchNamespace(name), "daemon", { store, peers }, signal);
      });
    }
    await section(`${peers} nodes, daemon on kubernetes`, async () => {
      await buildSite("file");
      const { name } = siteSpec("file", 1);
      return measureInNamespace(switchNamespace(name), "kubernetes", { store: "file", peers }, signal);
    });
  }
  return figures;
}

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      peers: { type: "string", default: "100,1000,5000" },
      only: { type: "string", default: "" },
      section: { type: "boolean", default: false },
    },
  });
  if (values.section) {
    await runSection(positionals);
    return 0;
  }
  const stop = new AbortController();
  for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    // Every signal, not only the first: a second one during the removal of the site would leave part of it.
    process.on(name, () => stop.abort(new Error(`stopped by ${name}`)));
  }
  await requirePrograms(["ip", "etcd"], (line) => process.stderr.write(`${line}\n`));
  try {
    const figures = await measureAll(values.peers.split(",").map(Number), values.only, stop.signal);
    process.stdout.write(`${formatTable(figures)}\n`);
    const missed = figures.filter(isMissed);
    for (const { name } of missed) process.stdout.write(`bound missed: ${name}\n`);
    return missed.length === 0 ? 0 : 1;
  } finally {
    await removeSite();
  }
}

main().then(
  (exitCode) => process.exit(exitCode),
  (error: unknown) => {
    process.stderr.write(`bench:control: ${messageOf(error)}\n`);
    process.exit(1);
  },
);
