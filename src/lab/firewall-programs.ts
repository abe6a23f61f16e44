/** Directories for hosts with packet filter programs of one kind only. */
import { mkdtemp, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

const SBIN = "/usr/sbin";

/** Debian's program for each name of a host's program. */
export const FIREWALL_PROGRAMS = {
  nftables: { nft: "nft" },
  "iptables-nft": iptables("nft"),
  "iptables-legacy": iptables("legacy"),
  nothing: {},
} as const satisfies Record<string, Readonly<Record<string, string>>>;

export type FirewallKind = keyof typeof FIREWALL_PROGRAMS;

function iptables(kind: "nft" | "legacy"): Readonly<Record<string, string>> {
  const names = ["iptables", "ip6tables"].flatMap((base) =>
    ["-save", "-restore"].map((verb) => [base, verb]),
  );
  return Object.fromEntries(names.map(([base, verb]) => [`${base}${verb}`, `${base}-${kind}${verb}`]));
}

export interface ProgramDirectory {
  readonly path: string;
  remove(): Promise<void>;
}

/** A directory for $PATH that contains only these programs. */
export async function programDirectory(
  programs: Readonly<Record<string, string>>,
): Promise<ProgramDirectory> {
  const path = await mkdtemp(join(tmpdir(), "tw-fw-"));
  for (const [name, target] of Object.entries(programs)) await symlink(join(SBIN, target), join(path, name));
  return { path, remove: () => rm(path, { recursive: true }) };
}
