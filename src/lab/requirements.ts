/** The programs that a lab runs, and their Debian packages. */
import { access, constants } from "node:fs/promises";
import { delimiter, resolve } from "node:path";
import { TweedError } from "../runtime/error.ts";
import { run } from "../runtime/program.ts";

const DEBIAN_PACKAGE = {
  ip: "iproute2",
  bridge: "iproute2",
  etcd: "etcd-server",
  nft: "nftables",
  iptables: "iptables",
  iperf3: "iperf3",
  ethtool: "ethtool",
  tcpdump: "tcpdump",
  openssl: "openssl",
  ping: "iputils-ping",
  faketime: "faketime",
  runc: "runc",
  containerd: "containerd",
  tini: "tini",
  "qemu-system-x86_64": "qemu-system-x86",
  debootstrap: "debootstrap",
  "/usr/lib/cni/bridge": "containernetworking-plugins",
} as const;
export type RequiredProgram = keyof typeof DEBIAN_PACKAGE;

/**
 * Installs missing programs, as root on Debian; elsewhere the error names the packages.
 * @throws TweedError `program-missing`
 */
export async function requirePrograms(
  programs: readonly RequiredProgram[],
  say: (line: string) => void,
): Promise<void> {
  const missing = await missingPrograms(programs);
  if (missing.length === 0) return;
  await installPackages([...new Set(missing.map((program) => DEBIAN_PACKAGE[program]))], say);
}

/** As root on Debian. @throws TweedError `program-missing` elsewhere */
export async function installPackages(
  packages: readonly string[],
  say: (line: string) => void,
): Promise<void> {
  const isRoot = process.getuid?.() === 0;
  if (!isRoot || !(await isInPath("apt-get"))) {
    throw new TweedError({
      code: "program-missing",
      operation: "look for programs",
      reason: `install the programs of the Debian packages ${packages.join(" ")}`,
    });
  }
  say(`installing ${packages.join(" ")}`);
  const env = { DEBIAN_FRONTEND: "noninteractive" };
  const timeoutMs = 300_000;
  await run("apt-get", ["update", "-qq"], { timeoutMs });
  await run("apt-get", ["install", "-y", "-qq", "--no-install-recommends", ...packages], { timeoutMs, env });
}

async function missingPrograms(programs: readonly RequiredProgram[]): Promise<RequiredProgram[]> {
  const found = await Promise.all(programs.map(isInPath));
  return programs.filter((_, index) => found[index] === false);
}

async function isInPath(program: string): Promise<boolean> {
  // A minimal service environment may lack the sbin directories of iproute2 and nftables.
  for (const directory of [...(process.env.PATH ?? "").split(delimiter), "/usr/sbin", "/sbin"]) {
    try {
      await access(resolve(directory, program), constants.X_OK);
      return true;
    } catch {
      // Not here; try the next directory.
    }
  }
  return false;
}
