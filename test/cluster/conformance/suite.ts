/** Runs the suite against a cluster. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, open, readFile } from "node:fs/promises";
import { join } from "node:path";
import { TweedError } from "../../../src/runtime/error.ts";
import type { Cluster } from "../cluster.ts";
import type { ConformanceOptions } from "./options.ts";
import { RUNNER, SUITE } from "./suite-programs.ts";
import { readSuiteReport, type SuiteResult } from "./suite-report.ts";

export interface SuiteSettings extends Pick<ConformanceOptions, "focus" | "procs"> {
  /** The directory with the suite's own programs. */
  readonly programs: string;
  /** Directory for the suite's output and report. */
  readonly directory: string;
  /** Maximum number of runs of a failing spec. */
  readonly attempts: number;
  readonly signal: AbortSignal;
}

const REPORT = "report.json";
const LAST_CHARACTERS = 2_000;
/** For the whole suite, far beyond what a slow machine needs. */
const TIMEOUT = "2h";

/**
 * Runs on the control plane's machine, whose network has routes to nodes and pods.
 * @throws TweedError `suite-failed` when it left no report
 */
export async function runSuite(cluster: Cluster, settings: SuiteSettings): Promise<SuiteResult> {
  const { programs, directory, signal } = settings;
  const scratch = join(directory, "scratch");
  await mkdir(scratch, { recursive: true });
  const { machine } = cluster.controlPlane;
  const [program = "", ...args] = machine.enter([
    join(programs, RUNNER),
    ...runnerFlags(settings),
    join(programs, SUITE),
    "--",
    ...suiteFlags(cluster),
  ]);
  const output = join(directory, "suite.log");
  const log = await open(output, "w");
  try {
    const child = spawn(program, args, {
      detached: true,
      stdio: ["ignore", log.fd, log.fd],
      env: { ...machine.environment, TMPDIR: scratch },
    });
    await once(child, "close", { signal });
  } finally {
    await log.close();
  }
  const report = await readFile(join(directory, REPORT), "utf8").catch(() => null);
  if (report !== null) return readSuiteReport(report);
  const tail = (await readFile(output, "utf8")).trim().slice(-LAST_CHARACTERS);
  throw new TweedError({
    code: "suite-failed",
    operation: "run the suite",
    reason: `it left no report; the last that it printed:\n${tail}`,
  });
}

function runnerFlags({ focus, procs, attempts, directory }: SuiteSettings): string[] {
  return [
    `--procs=${procs}`,
    `--focus=${focus}`,
    `--flake-attempts=${attempts}`,
    `--timeout=${TIMEOUT}`,
    `--output-dir=${directory}`,
    `--json-report=${REPORT}`,
    "--no-color",
    "--silence-skips",
  ];
}

function suiteFlags(cluster: Cluster): string[] {
  return [
    `--kubeconfig=${cluster.kubeconfig}`,
    `--kubectl-path=${cluster.controlPlane.kubectlProgram}`,
    // A cluster outside any cloud.
    "--provider=skeleton",
  ];
}
