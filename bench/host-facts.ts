/** The machine and commit of a result. */
import { cpus, loadavg, release, totalmem, type } from "node:os";
import { dirname } from "node:path";
import { execute } from "../src/runtime/program.ts";
import type { BenchResult, HostFacts } from "./result.ts";

export async function readHostFacts(): Promise<HostFacts> {
  const processors = cpus();
  const iperf3 = await execute("iperf3", ["--version"]);
  return {
    kernel: `${type()} ${release()} ${process.arch}`,
    cpu: processors[0]?.model.trim() ?? "unknown",
    cores: processors.length,
    memoryGb: Math.round(totalmem() / 2 ** 30),
    node: process.version,
    iperf3: /^iperf (\S+)/.exec(iperf3.stdout)?.[1] ?? "unknown",
    load: Math.round((loadavg()[0] ?? 0) * 100) / 100,
  };
}

/** The commit from which the program was built, if it is in a checkout. @param bundle path of the program */
export async function readCommit(bundle: string): Promise<Pick<BenchResult["tweed"], "commit" | "changed">> {
  const git = (...args: string[]) => execute("git", ["-C", dirname(bundle), ...args]).catch(() => null);
  const head = await git("rev-parse", "--short=10", "HEAD");
  if (head === null || head.exitCode !== 0) return { commit: null, changed: false };
  // Only inputs of the build; documents and results do not affect a figure.
  const changes = await git("status", "--porcelain", "--", ":/src", ":/backends", ":/package-lock.json");
  return { commit: head.stdout.trim(), changed: (changes?.stdout ?? "") !== "" };
}
