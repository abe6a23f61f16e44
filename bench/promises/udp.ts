/** The data plane of the backend `udp`: its device, its end under load, and workers that die repeatedly. */
import { cp, symlink, writeFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { HEALTH_PORT, startDaemon } from "../../src/lab/daemon.ts";
import { readHealthPage } from "../../src/lab/health-page.ts";
import type { Lab } from "../../src/lab/lab.ts";
import { ipBatch } from "../../src/lab/namespaces.ts";
import { startInNamespace, stopProcess, waitForLog } from "../../src/lab/process.ts";
import { systemClock } from "../../src/runtime/clock.ts";
import { nodeAt, withLab } from "./bench-lab.ts";
import { type Bench, type PromiseGroup, roundsOf } from "./group.ts";
import { timeToEnd } from "./process-end.ts";
import { silenceDuring } from "./silence.ts";
import { until } from "./wait.ts";

export const udp: PromiseGroup = {
  name: "udp",
  async measure(bench) {
    const spec = { nodes: 2, backend: { Type: "udp" }, store: "file", families: "v4" } as const;
    await withLab(bench, spec, async (lab) => {
      await measureDevice(bench, lab);
      await measureEndUnderLoad(bench, lab);
      await measureDyingWorkers(bench, lab);
    });
  },
};

const SILENCE_BOUND_MS = 1000;
/** Longer than any measurement. */
const WATCH_MS = 1500;
const DAMAGES = [
  ["flannel0 deleted", "link delete flannel0"],
  ["flannel0 set down", "link set flannel0 down"],
] as const;

async function measureDevice(bench: Bench, lab: Lab): Promise<void> {
  const { namespace } = nodeAt(lab, 2);
  for (let round = 0; round < bench.rounds; round++) {
    for (const [detail, line] of DAMAGES) {
      const damage = async () => {
        await ipBatch(namespace, [line]);
        await systemClock.sleep(WATCH_MS, bench.signal);
      };
      const silenceMs = await silenceDuring(bench, lab, damage, [nodeAt(lab, 1)]);
      const topic = "silence while the device of udp is repaired";
      bench.note({ topic, detail, boundMs: SILENCE_BOUND_MS }, silenceMs);
    }
  }
}

const STOP_BOUND_MS = 2000;
const LOAD_S = 600;
const LOADED_MS = 1000;
const KILL_TIMEOUT_MS = 5000;

/** Two streams each way saturate both data planes. */
async function measureEndUnderLoad(bench: Bench, lab: Lab): Promise<void> {
  const [from, to] = [nodeAt(lab, 1), nodeAt(lab, 2)];
  const ip = String((await lab.podIps(to)).v4);
  const logFile = join(to.directory, "iperf3.log");
  const server = await startInNamespace(to.podNamespace, ["iperf3", "-s", "--forceflush"], { logFile });
  await waitForLog({ name: "iperf3", pid: server, logFile }, "listening", KILL_TIMEOUT_MS);
  const words = ["iperf3", "-c", ip, "-t", String(LOAD_S), "-P", "2", "--bidir"];
  const client = await startInNamespace(from.podNamespace, words, {
    logFile: join(from.directory, "iperf3.log"),
  });
  try {
    for (let round = 0; round < bench.rounds; round++) {
      await systemClock.sleep(LOADED_MS, bench.signal);
      const endMs = await timeToEnd(lab.daemonPid(to), "SIGTERM", bench.signal);
      bench.note({ topic: "SIGTERM to exit", detail: "udp at full load", boundMs: STOP_BOUND_MS }, endMs);
      await lab.startDaemon(to);
      await lab.waitUntilReady(to);
    }
  } finally {
    await stopProcess(client, "SIGKILL", KILL_TIMEOUT_MS);
    await stopProcess(server, "SIGKILL", KILL_TIMEOUT_MS);
  }
}

const DYING_BOUND_MS = 5000;

/** A program whose workers always die. */
async function measureDyingWorkers(bench: Bench, lab: Lab): Promise<void> {
  const { program, signal } = bench;
  const node = nodeAt(lab, 2);
  const bundle = program.tweed.at(-1) ?? "";
  const copy = join(node.directory, "dist");
  await cp(dirname(bundle), copy, { recursive: true });
  await writeFile(join(copy, "udp-worker.cjs"), 'throw new Error("worn out");\n');
  // Native code is resolved from the program's directory.
  await symlink(resolve("node_modules"), join(node.directory, "node_modules"));
  const broken = { ...program, tweed: [...program.tweed.slice(0, -1), join(copy, "tweed.cjs")] };
  await lab.stopDaemon(node, "SIGTERM");
  for (let round = 0; round < roundsOf(bench, 0.6); round++) {
    const startedMs = performance.now();
    const pid = await startDaemon(lab.spec, node, broken);
    const complains = async () => {
      const { status, body } = await readHealthPage(node.namespace, HEALTH_PORT, "/readyz");
      return status === 503 && body.includes("UDP workers keep dying");
    };
    await until("the node says that its workers keep dying", complains, signal);
    const topic = "start to readiness lost, workers of udp that keep dying";
    bench.note({ topic, detail: "", boundMs: DYING_BOUND_MS }, performance.now() - startedMs);
    await timeToEnd(pid, "SIGTERM", signal);
  }
}
