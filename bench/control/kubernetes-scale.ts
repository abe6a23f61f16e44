/**
 * The real daemon in a Kubernetes cluster whose kubelets report all the time. Runs in the switch's namespace, where the
 * API server is, and observes the node from there.
 */
import { mkdir, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { DaemonProgram } from "../../src/lab/daemon.ts";
import { kubeconfigFile } from "../../src/lab/kube-api-process.ts";
import { nodeConfigFile } from "../../src/lab/node-config.ts";
import type { Figure } from "../figures/figure.ts";
import { readMemory, watchCpu } from "../figures/process-usage.ts";
import { endDaemon } from "./daemon-run.ts";
import { CHANGES, startRepeatedly, timeChanges } from "./daemon-scale.ts";
import { KubeCluster } from "./kube-cluster.ts";
import { NETWORK_CONFIG } from "./peers.ts";
import { siteNode, siteSpec } from "./site.ts";

const STARTS = 7;
const SETTLE_MS = 5000;
/** Duration of one heartbeat of each node. */
const WATCH_MS = 10_000;
const WATCHES = 3;

export async function measureOnKubernetes(peers: number, program: DaemonProgram): Promise<Figure[]> {
  const spec = siteSpec("kubernetes", 1);
  const node = siteNode();
  const configFile = nodeConfigFile(node);
  await mkdir(dirname(configFile), { recursive: true });
  await writeFile(configFile, JSON.stringify(NETWORK_CONFIG));
  const directory = dirname(kubeconfigFile(spec.name, node.name));
  const cluster = await KubeCluster.start(directory, peers);
  const { runs, pid } = await startRepeatedly(spec, peers, program, STARTS);
  await sleep(SETTLE_MS);
  const rssMb: number[] = [];
  const cpu: number[] = [];
  const beats: number[] = [];
  for (let watch = 0; watch < WATCHES; watch++) {
    const before = await cluster.countHeartbeats();
    cpu.push(await watchCpu(pid, WATCH_MS));
    beats.push(((await cluster.countHeartbeats()) - before) / (WATCH_MS / 1000));
    rssMb.push((await readMemory(pid)).rssMb);
  }
  const changes = await timeChanges(peers, CHANGES, async (index, generation) =>
    cluster.change(index, generation),
  );
  const after = await readMemory(pid);
  await endDaemon(pid);
  await cluster.stop();

  const isLarge = peers >= 5000;
  const figure = (what: string, unit: Figure["unit"], samples: readonly number[], bound: number | null) => ({
    name: `${peers} nodes, kubernetes: ${what}`,
    unit,
    samples,
    bound,
  });
  return [
    figure(
      "process start to ready",
      "ms",
      runs.map((run) => run.toReadyMs),
      peers <= 100 ? 1000 : null,
    ),
    figure("one node changed to kernel", "ms", changes, isLarge ? 200 : null),
    figure("RSS", "MB", [...rssMb, after.rssMb], isLarge ? 120 : peers <= 100 ? 85 : null),
    figure("RSS at its peak", "MB", [after.peakMb], null),
    figure("CPU under heartbeats", "% of a core", cpu, isLarge ? 5 : null),
    figure("heartbeats", "a second", beats, null),
  ];
}
