/**
 * The benchmark itself, in its shortest form: that it measures, that it tells a result from a slower one, that nothing
 * stays. The long run alone makes the slower result with a slower build, which takes an idle machine to tell.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { compareResults } from "../../bench/comparison.ts";
import { type BenchResult, readResult, type Sample } from "../../bench/result.ts";
import { listNamespaces } from "../../src/lab/namespaces.ts";
import { execute } from "../../src/runtime/program.ts";
import { eventually } from "../support/eventually.ts";
import { processesOfThisSuite } from "../support/leftovers/machine.ts";
import { isLongRun, TWEED, tweed } from "../support/test-lab.ts";

let directory = "";
const at = (name: string) => join(directory, name);

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "tw-bench-test-"));
});
afterAll(() => rm(directory, { recursive: true, force: true }));

const ROUNDS = isLongRun ? 2 : 1;
const QUICK = ["bench", "--underlay=same-host", `--repeat=${ROUNDS}`];

describe("a run", () => {
  test("measures modes and another daemon side by side, and reports", async () => {
    const external = `other:host-gw=${TWEED.join(" ")} run --v=1`;
    const command = [...QUICK, "--modes=udp", `--external=${external}`, "--tests=tcp,ping"];
    const run = await tweed([...command, `--json=${at("fast.json")}`, `--report=${at("report")}`]);
    expect(run.exitCode, run.stderr).toBe(0);
    const { samples } = await readResult(at("fast.json"));
    expect(samples).toHaveLength(2 * 2 * ROUNDS);
    for (const sample of samples) {
      expect(sample, JSON.stringify(sample)).toMatchObject({ outcome: "measured" });
      if (sample.outcome !== "measured") continue;
      expect(sample.value).toBeGreaterThan(0);
      expect(sample.machineCores).toBeGreaterThan(0);
      expect(sample.daemonRssMb).toBeGreaterThan(0);
      if (sample.measurement === "ping") expect(sample.latencyUs?.count).toBeGreaterThan(0);
    }
    // The daemons of one carry every packet; those of the other none.
    expect(mostWork(samples, "udp")).toBeGreaterThan(mostWork(samples, "other"));
    expect(run.stdout).toMatch(/TCP, one stream, Gbit\/s .*\(/);
    expect(await readFile(at("report/report.html"), "utf8")).toContain("<svg");
    expect(await readdir(at("report/pictures"))).toContain("throughput-same-host.svg");
    await eventually(leftovers).toEqual([]);
  });

  test("is told from a slower one", async () => {
    const fast = await readResult(at("fast.json"));
    if (isLongRun) {
      const slow = [...QUICK, "--modes=udp", "--tests=tcp", "--daemon-flag=--udp-offload=off"];
      expect((await tweed([...slow, `--json=${at("slow.json")}`])).exitCode).toBe(0);
    } else await writeFile(at("slow.json"), JSON.stringify(asIfHalved(fast)));
    const { differences } = compareResults(fast, await readResult(at("slow.json")));
    expect(differences.map(({ mode, measurement, verdict }) => [mode, measurement.id, verdict])).toEqual([
      ["udp", "tcp", "worse"],
    ]);
    const compared = await execute("bench/compare", [at("fast.json"), at("slow.json")]);
    expect(compared.stdout).toContain("1 cells: 0 within the spread, 0 better, 1 worse");
    expect(compared.exitCode).toBe(1);
  });

  test.each(["SIGTERM", "SIGKILL"] as const)("leaves nothing behind when it gets %s", async (signal) => {
    const [program = "", ...words] = TWEED;
    const command = [...words, ...QUICK, "--modes=vxlan", "--tests=tcp"];
    const child = spawn(program, command, { stdio: ["ignore", "ignore", "pipe"] });
    const ended = once(child, "close");
    // In the midst of building, or of measuring.
    if (signal === "SIGTERM") await once(child.stderr, "data");
    const made = signal === "SIGTERM" ? 4 : 1;
    await eventually(async () => (await namespaces()).length).toBeGreaterThan(made);
    child.kill(signal);
    await ended;
    await eventually(leftovers).toEqual([]);
  });
});

test("two machines measure towards each other", async () => {
  const [program = "", ...words] = TWEED;
  const where = ["--port=15201"];
  const server = spawn(program, [...words, "bench", "--server", "--listen=127.0.0.1", ...where]);
  const ended = once(server, "close");
  try {
    await once(server.stdout, "data");
    const tests = ["--tests=rr,crr", "--repeat=1", `--json=${at("remote.json")}`];
    const run = await tweed(["bench", "--client=127.0.0.1", "--label=loopback", ...where, ...tests]);
    expect(run.exitCode, run.stderr).toBe(0);
  } finally {
    server.kill("SIGTERM");
    await ended;
  }
  const { hosts, modes, samples } = await readResult(at("remote.json"));
  expect(hosts).toHaveLength(2);
  expect(modes.map(({ name }) => name)).toEqual(["loopback"]);
  expect(samples.map(({ outcome, underlay }) => [outcome, underlay])).toEqual([
    ["measured", "real"],
    ["measured", "real"],
  ]);
});

/** Share of a core that the daemons of a mode kept busy where they had most to do. */
function mostWork(samples: readonly Sample[], mode: string): number {
  return Math.max(
    ...samples.map((each) => (each.outcome === "measured" && each.mode === mode ? each.daemonCores : 0)),
  );
}

/** What a build of half the speed would have made of the TCP measurement of udp. */
function asIfHalved(result: BenchResult): BenchResult {
  const samples = result.samples.flatMap((sample) => {
    const isWanted = sample.mode === "udp" && sample.measurement === "tcp" && sample.outcome === "measured";
    return isWanted ? [{ ...sample, value: sample.value / 2 }] : [];
  });
  return { ...result, samples };
}

async function namespaces(): Promise<string[]> {
  return (await listNamespaces("tw-bench")).filter((name) => /^tw-bench\d/.test(name));
}

/** Namespaces, folders and processes of the benchmark's labs. */
async function leftovers(): Promise<string[]> {
  const folders = await readdir("/run/tweed/lab").catch(() => []);
  const ofBenchmark = /tweed\.cjs bench (?:guard|exchange|--server --listen 10)/;
  return [
    ...(await namespaces()),
    ...folders.filter((name) => /^bench\d/.test(name)),
    ...processesOfThisSuite().filter((command) => ofBenchmark.test(command)),
  ];
}
