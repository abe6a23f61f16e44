/** The benchmark itself, in its shortest form: that it measures, that it tells slow from fast, that nothing stays. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { compareResults } from "../../bench/comparison.ts";
import { readResult } from "../../bench/result.ts";
import { listNamespaces } from "../../src/lab/namespaces.ts";
import { execute } from "../../src/runtime/program.ts";
import { TWEED, tweed } from "../support/test-lab.ts";

let directory = "";
const at = (name: string) => join(directory, name);

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "tw-bench-test-"));
});
afterAll(() => rm(directory, { recursive: true, force: true }));

const QUICK = ["bench", "--underlay=same-host", "--repeat=2"];

describe("a run", () => {
  test("measures modes and another daemon side by side, and reports", async () => {
    const external = `other:host-gw=${TWEED.join(" ")} run --v=1`;
    const command = [...QUICK, "--modes=udp", `--external=${external}`, "--tests=tcp,ping"];
    const run = await tweed([...command, `--json=${at("fast.json")}`, `--report=${at("report")}`]);
    expect(run.exitCode, run.stderr).toBe(0);
    const { samples } = await readResult(at("fast.json"));
    expect(samples).toHaveLength(2 * 2 * 2);
    for (const sample of samples) {
      expect(sample, JSON.stringify(sample)).toMatchObject({ outcome: "measured" });
      if (sample.outcome !== "measured") continue;
      expect(sample.value).toBeGreaterThan(0);
      expect(sample.machineCores).toBeGreaterThan(0);
      expect(sample.daemonRssMb).toBeGreaterThan(20);
      expect(sample.latencyUs?.count ?? 0).toBeGreaterThan(sample.measurement === "tcp" ? -1 : 20);
    }
    const daemonWork = (mode: string) =>
      samples.some((each) => each.outcome === "measured" && each.mode === mode && each.daemonCores > 0.2);
    expect(daemonWork("udp")).toBe(true);
    expect(daemonWork("other")).toBe(false);
    expect(run.stdout).toMatch(/TCP, one stream, Gbit\/s .*\(/);
    expect(await readFile(at("report/report.html"), "utf8")).toContain("<svg");
    expect(await readdir(at("report/pictures"))).toContain("throughput-same-host.svg");
    expect(await leftovers()).toEqual([]);
  });

  test("shows a slower build as slower", async () => {
    const slow = [...QUICK, "--modes=udp", "--tests=tcp", "--daemon-flag=--udp-offload=off"];
    expect((await tweed([...slow, `--json=${at("slow.json")}`])).exitCode).toBe(0);
    const { differences } = compareResults(
      await readResult(at("fast.json")),
      await readResult(at("slow.json")),
    );
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
    await until(async () => (await leftovers()).length > (signal === "SIGTERM" ? 5 : 2));
    child.kill(signal);
    await ended;
    await until(async () => (await leftovers()).length === 0);
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

/** Namespaces, folders and processes of the benchmark's labs. */
async function leftovers(): Promise<string[]> {
  const namespaces = (await listNamespaces("tw-bench")).filter((name) => /^tw-bench\d/.test(name));
  const folders = await readdir("/run/tweed/lab").catch(() => []);
  const processes = await execute("pgrep", ["-f", "tweed.cjs bench (guard|exchange|--server --listen 10)"]);
  return [
    ...namespaces,
    ...folders.filter((name) => /^bench\d/.test(name)),
    ...processes.stdout.split("\n").filter((pid) => pid !== ""),
  ];
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  for (let waitedMs = 0; waitedMs < 15_000; waitedMs += 50) {
    if (await condition()) return;
    await sleep(50);
  }
  throw new Error("it did not come to pass within 15 s");
}
