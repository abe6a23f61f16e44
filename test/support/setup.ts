/** Before any suite: the programs that suites run, and the bundle that they start. */
import { execFileSync } from "node:child_process";
import { requirePrograms } from "../../src/lab/requirements.ts";

export async function setup(): Promise<void> {
  const all = [
    ...(["ip", "bridge", "etcd", "nft", "iptables", "iperf3", "tcpdump", "openssl", "ping", "runc"] as const),
    "/usr/lib/cni/bridge",
  ] as const;
  await requirePrograms(all, (line) => console.log(line));
  execFileSync(process.execPath, ["build.mjs"], { stdio: "inherit" });
}
