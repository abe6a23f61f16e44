/** Losses of pods by a daemon's restart, and of all pods by a store outage; and the time in which a daemon ends. */
import type { Lab } from "../../src/lab/lab.ts";
import type { StopSignal } from "../../src/lab/process.ts";
import type { LabNode, LabSpec } from "../../src/lab/topology.ts";
import { systemClock } from "../../src/runtime/clock.ts";
import { nodeAt, withLab } from "./bench-lab.ts";
import { type Bench, type PromiseGroup, roundsOf } from "./group.ts";
import { timeToEnd } from "./process-end.ts";
import { silenceDuring } from "./silence.ts";

const STOP_BOUND_MS = 2000;
const STORE_AWAY_MS = 6000;

interface Restarts {
  readonly backend: string;
  readonly store: LabSpec["store"];
  readonly boundMs: number;
  /** How long the node is without a daemon. */
  readonly awayMs: number;
}

const RESTARTS: readonly Restarts[] = [
  { backend: "vxlan", store: "etcd", boundMs: 0, awayMs: 1000 },
  { backend: "host-gw", store: "etcd", boundMs: 0, awayMs: 1000 },
  { backend: "udp", store: "file", boundMs: 500, awayMs: 0 },
];

export const restart: PromiseGroup = {
  name: "restart",
  async measure(bench) {
    for (const restarts of RESTARTS) {
      const { backend, store } = restarts;
      const spec = { nodes: 2, backend: { Type: backend }, store, families: "v4" } as const;
      await withLab(bench, spec, async (lab) => {
        for (let round = 0; round < bench.rounds; round++) {
          for (const killSignal of ["SIGTERM", "SIGKILL"] as const) {
            await measureRestart(bench, lab, restarts, killSignal);
          }
        }
        if (store === "etcd") await measureStoreAway(bench, lab, backend);
      });
    }
  },
};

async function measureRestart(
  bench: Bench,
  lab: Lab,
  { backend, boundMs, awayMs }: Restarts,
  killSignal: StopSignal,
): Promise<void> {
  const node = nodeAt(lab, 2);
  const silenceMs = await silenceDuring(bench, lab, async () => {
    const endMs = await timeToEnd(lab.daemonPid(node), killSignal, bench.signal);
    if (killSignal === "SIGTERM") {
      bench.note({ topic: "SIGTERM to exit", detail: backend, boundMs: STOP_BOUND_MS }, endMs);
    }
    await systemClock.sleep(awayMs, bench.signal);
    await startAgain(lab, node);
  });
  const topic = `silence at a restart, ${backend}`;
  bench.note({ topic, detail: killSignal, boundMs }, silenceMs);
}

/** A daemon is started in the meantime. */
async function measureStoreAway(bench: Bench, lab: Lab, backend: string): Promise<void> {
  const node = nodeAt(lab, 2);
  for (let round = 0; round < roundsOf(bench, 0.3); round++) {
    const silenceMs = await silenceDuring(bench, lab, async () => {
      await lab.stopStore("SIGKILL");
      await systemClock.sleep(STORE_AWAY_MS / 2, bench.signal);
      await timeToEnd(lab.daemonPid(node), "SIGTERM", bench.signal);
      await lab.startDaemon(node);
      await systemClock.sleep(STORE_AWAY_MS / 2, bench.signal);
      await lab.startStore();
      await lab.waitUntilReady(node);
    });
    const topic = "silence while etcd is away";
    bench.note({ topic, detail: backend, boundMs: 0 }, silenceMs);
  }
}

async function startAgain(lab: Lab, node: LabNode): Promise<void> {
  await lab.startDaemon(node);
  await lab.waitUntilReady(node);
}
