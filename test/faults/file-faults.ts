/** Faults of the disk with the daemon's files, before and while a daemon is started. */
import { runDirectory } from "../../src/lab/daemon.ts";
import { fillDisk, freeDisk, setReadOnly } from "../../src/lab/disk.ts";
import type { LabNode } from "../../src/lab/topology.ts";
import { type Fault, lasting } from "./fault.ts";

const LASTS_MS = 3000;

interface DiskFault {
  readonly what: string;
  readonly begin: (node: LabNode) => Promise<void>;
  readonly end: (node: LabNode) => Promise<void>;
}

const DISK_FAULTS: readonly DiskFault[] = [
  {
    what: "run directory full",
    begin: (node) => fillDisk(runDirectory(node)),
    end: (node) => freeDisk(runDirectory(node)),
  },
  {
    what: "run directory read-only",
    begin: (node) => setReadOnly(runDirectory(node), true),
    end: (node) => setReadOnly(runDirectory(node), false),
  },
];

export const FILE_FAULTS: readonly Fault[] = DISK_FAULTS.flatMap(({ what, begin, end }) => [
  {
    title: `${what} for ${LASTS_MS / 1000} s`,
    hits: "daemon",
    inflict: (stage) =>
      lasting(
        stage,
        LASTS_MS,
        () => begin(stage.victim),
        () => end(stage.victim),
      ),
  },
  {
    title: `${what} for ${LASTS_MS / 1000} s, and the daemon killed`,
    hits: "daemon",
    restarts: true,
    inflict: (stage) => {
      const { lab, victim } = stage;
      const beginAndRestart = async () => {
        await begin(victim);
        await lab.stopDaemon(victim, "SIGKILL");
        await lab.startDaemon(victim);
      };
      return lasting(stage, LASTS_MS, beginAndRestart, () => end(victim));
    },
  },
]);
