/** Objects that a test run makes on the machine, found independently of the code that made them. */
import { readdirSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { listNamespaces } from "../../../src/lab/namespaces.ts";

/** Environment variable that names the run to the processes of its suites. */
export const RUN = "TWEED_TEST_RUN";
/** Environment variable that every process started by a test inherits: the run, "/", and the suite's process. */
export const MARK = "TWEED_TEST_SUITE";

export const LABS = "/run/tweed/lab";

/** Lines such as "process 4711: node dist/tweed.cjs run", for every process whose mark starts with this one. */
export function markedProcesses(mark: string): { readonly pid: number; readonly command: string }[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .flatMap((name) => {
      const environment = readProc(name, "environ").split("\0");
      if (!environment.some((line) => line.startsWith(`${MARK}=${mark}`))) return [];
      return [{ pid: Number(name), command: readProc(name, "cmdline").replaceAll("\0", " ").trim() }];
    });
}

/** Command lines of processes that the tests of this suite started and that still run. */
export function processesOfThisSuite(): string[] {
  return markedProcesses(process.env[MARK] ?? "").map(({ command }) => command);
}

export interface MachineState {
  readonly namespaces: readonly string[];
  readonly labs: readonly string[];
  readonly devices: readonly string[];
  readonly directories: readonly string[];
}

export async function observeMachine(): Promise<MachineState> {
  return {
    namespaces: await listNamespaces("tw-"),
    labs: entries(LABS),
    devices: entries("/sys/class/net"),
    directories: entries(tmpdir()).filter((name) => name.startsWith("tw-")),
  };
}

/** One line for each new object. */
export function madeSince(before: MachineState, now: MachineState): string[] {
  const kinds = [
    ["namespace", before.namespaces, now.namespaces],
    ["lab", before.labs, now.labs],
    ["network device", before.devices, now.devices],
    ["temporary directory", before.directories, now.directories],
  ] as const;
  return kinds.flatMap(([kind, old, all]) =>
    all.filter((name) => !old.includes(name)).map((name) => `${kind} ${name}`),
  );
}

function entries(directory: string): string[] {
  try {
    return readdirSync(directory).sort();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}

/** Empty for a process that has ended meanwhile. */
function readProc(pid: string, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, "latin1");
  } catch {
    return "";
  }
}
