/** Hosts that have packet filter programs of one kind only. */
import { mkdtemp, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

const SBIN = "/usr/sbin";

/** What the host's programs are called, and which of Debian's each is. */
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

/** A directory to search for programs that holds these and no other. */
export async function programDirectory(
  programs: Readonly<Record<string, string>>,
): Promise<ProgramDirectory> {
  const path = await mkdtemp(join(tmpdir(), "tw-fw-"));
  for (const [name, target] of Object.entries(programs)) await symlink(join(SBIN, target), join(path, name));
  return { path, remove: () => rm(path, { recursive: true }) };
}
