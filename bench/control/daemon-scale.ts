/**
 * The real daemon with many peers. Runs in the switch's namespace, beside the store, and observes the node from there.
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { DaemonProgram } from "../../src/lab/daemon.ts";
import { inNamespace } from "../../src/lab/namespaces.ts";
import type { LabSpec } from "../../src/lab/topology.ts";
import { execute } from "../../src/runtime/program.ts";
import type { Figure } from "../figures/figure.ts";
import { readMemory, watchCpu } from "../figures/process-usage.ts";
import { countRoutes, type DaemonRun, endDaemon, runDaemon } from "./daemon-run.ts";
import { NeighbourMonitor } from "./neighbour-monitor.ts";
import { openPeerStore } from "./peer-store.ts";
import { peerLease, peerLeases, peerMac } from "./peers.ts";
import { type StoreKind, siteNode, siteSpec } from "./site.ts";

const STARTS = 5;
export const CHANGES = 20;
const BETWEEN_CHANGES_MS = 200;
const CHANGE_TIMEOUT_MS = 10_000;
const SETTLE_MS = 5000;
const WATCH_MS = 10_000;

export interface Scale {
  readonly store: StoreKind;
  readonly peers: number;
}

export async function measureDaemonAtScale(
  { store, peers }: Scale,
  program: DaemonProgram,
): Promise<Figure[]> {
  const peerStore = openPeerStore(store);
  await peerStore.fill(peerLeases(peers));
  const { runs, pid } = await startRepeatedly(siteSpec(store, 1), peers, program, STARTS);
  await sleep(SETTLE_MS);
  const settled = await readMemory(pid);
  const changes = await timeChanges(peers, CHANGES, (index, generation) =>
    peerStore.replace(peerLease(index, generation)),
  );
  peerStore.close();
  const cpu = await watchCpu(pid, WATCH_MS);
  const after = await readMemory(pid);
  await endDaemon(pid);

  const figure = (what: string, unit: Figure["unit"], samples: readonly number[], bound: number | null) => ({
    name: `${peers} peers, ${store}: ${what}`,
    unit,
    samples,
    bound: peers >= 5000 ? bound : null,
  });
  return [
    figure(
      "daemon, process start to ready",
      "ms",
      runs.map((run) => run.toReadyMs),
      null,
    ),
    figure(
      "daemon, lease and snapshot to kernel, cold",
      "ms",
      runs.map((run) => run.leaseToReadyMs),
      1500,
    ),
    figure("daemon, one peer changed in the store to kernel", "ms", changes, 100),
    figure("daemon, RSS", "MB", [settled.rssMb, after.rssMb], 110),
    figure("daemon, RSS at its peak", "MB", [after.peakMb], null),
    figure("daemon, CPU idle", "% of a core", [cpu], null),
  ];
}

/** Starts the daemon repeatedly, each time as after a boot; the last one stays. */
export async function startRepeatedly(
  spec: LabSpec,
  peers: number,
  program: DaemonProgram,
  times: number,
): Promise<{ readonly runs: readonly DaemonRun[]; readonly pid: number }> {
  const node = siteNode();
  const runs: DaemonRun[] = [];
  for (;;) {
    const run = await runDaemon(spec, node, program);
    const routes = await countRoutes(run.pid);
    if (routes !== peers) throw new Error(`the daemon says ready with ${routes} routes to ${peers} peers`);
    runs.push(run);
    if (runs.length === times) return { runs, pid: run.pid };
    await endDaemon(run.pid);
    await execute("ip", ["-n", node.namespace, "link", "delete", "flannel.1"]);
    await execute("ip", inNamespace(node.namespace, ["nft", "flush", "ruleset"]));
  }
}

/** From the change of a peer's MAC address in the store to that address in the kernel's neighbour table. */
export async function timeChanges(
  peers: number,
  times: number,
  change: (index: number, generation: number) => Promise<void>,
): Promise<number[]> {
  const monitor = await NeighbourMonitor.start(siteNode().namespace);
  const tookMs: number[] = [];
  for (let generation = 1; generation <= times; generation++) {
    const index = (generation * 37) % peers;
    const seen = monitor.put(peerMac(index, generation), CHANGE_TIMEOUT_MS);
    const startedMs = performance.now();
    await change(index, generation);
    await seen;
    tookMs.push(performance.now() - startedMs);
    await sleep(BETWEEN_CHANGES_MS);
  }
  monitor.stop();
  return tookMs;
}
