/**
 * Set-up before any suite that changes the machine: the programs that suites run, the bundle that they start, and a
 * guard.
 */
import { execFileSync } from "node:child_process";
import { requirePrograms } from "../../src/lab/requirements.ts";
import { guardRun } from "./leftovers/run.ts";

/** Several projects share one set-up; each has its own instance of this module. */
const shared = globalThis as { tweedSetUp?: Promise<() => Promise<void>> };

export function setup(): Promise<() => Promise<void>> {
  shared.tweedSetUp ??= prepare();
  return shared.tweedSetUp;
}

async function prepare(): Promise<() => Promise<void>> {
  const all = [
    ...([
      "ip",
      "bridge",
      "etcd",
      "nft",
      "iptables",
      "iperf3",
      "tcpdump",
      "openssl",
      "ping",
      "runc",
      "faketime",
    ] as const),
    "/usr/lib/cni/bridge",
  ] as const;
  await requirePrograms(all, (line) => console.log(line));
  execFileSync(process.execPath, ["build.mjs"], { stdio: "inherit" });
  return guardRun();
}
