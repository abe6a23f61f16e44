/** Faults of daemons: killed, paused, blocked, and all at once. */
import type { StopSignal } from "../../src/lab/process.ts";
import type { Fault, Stage } from "./fault.ts";
import { blockEventLoop, killUdpWorker } from "./inspector.ts";

const MAX_AWAY_MS = 1500;
/** A start takes some 600 ms on a machine at rest: a second kill falls before, into and after it. */
const MAX_SECOND_KILL_MS = 1500;
const PAUSE_MS = 3000;
const BLOCK_MS = 2000;

async function restart({ lab, victim, random, sleep }: Stage, signal: StopSignal): Promise<void> {
  await lab.stopDaemon(victim, signal);
  await sleep(random.below(MAX_AWAY_MS));
  await lab.startDaemon(victim);
}

/** The victim's daemon runs again also when the act fails. */
export async function whilePaused(
  { lab, victim }: Pick<Stage, "lab" | "victim">,
  act: () => Promise<void>,
): Promise<void> {
  const pid = lab.daemonPid(victim);
  process.kill(pid, "SIGSTOP");
  try {
    await act();
  } finally {
    process.kill(pid, "SIGCONT");
  }
}

export const DAEMON_FAULTS: readonly Fault[] = [
  {
    title: "daemon killed",
    hits: "daemon",
    restarts: true,
    inflict: (stage) => restart(stage, "SIGKILL"),
  },
  {
    title: "daemon killed, and again during its start",
    hits: "daemon",
    restarts: true,
    inflict: async (stage) => {
      await restart(stage, "SIGKILL");
      await stage.sleep(stage.random.below(MAX_SECOND_KILL_MS));
      await restart(stage, "SIGKILL");
    },
  },
  {
    title: "daemon ended by SIGTERM",
    hits: "daemon",
    restarts: true,
    inflict: (stage) => restart(stage, "SIGTERM"),
  },
  {
    title: "all daemons killed at once",
    hits: "daemon",
    restarts: true,
    isWide: true,
    inflict: async ({ lab, candidates, random, sleep }) => {
      await Promise.all(candidates.map((node) => lab.stopDaemon(node, "SIGKILL")));
      await sleep(random.below(MAX_AWAY_MS));
      for (const node of candidates) await lab.startDaemon(node);
    },
  },
  {
    title: `daemon paused for ${PAUSE_MS / 1000} s`,
    hits: "daemon",
    inflict: (stage) => whilePaused(stage, () => stage.sleep(PAUSE_MS)),
  },
  {
    title: `event loop of the daemon blocked for ${BLOCK_MS / 1000} s`,
    hits: "daemon",
    inflict: ({ lab, victim }) => blockEventLoop(lab, victim, BLOCK_MS),
  },
  {
    title: "UDP worker killed",
    hits: "daemon",
    appliesTo: ({ backend }) => backend === "udp",
    inflict: ({ lab, victim }) => killUdpWorker(lab, victim),
  },
];
