/**
 * Which iptables a host has. One name hides two programs: one for the old tables (legacy), one that writes its
 * rules in nftables (nft). Debian installs both, with an alternative that says which "iptables" means.
 */
import type { Family } from "../../../net/index.ts";

export type Kind = "nft" | "legacy";

export interface Installation {
  readonly family: Family;
  readonly kind: Kind;
  readonly save: string;
  readonly restore: string;
  /** iptables-restore waits for the lock of others, and MASQUERADE knows --random-fully, both from 1.6.2 on. */
  readonly isModern: boolean;
}

const BASES: Readonly<Record<Family, string>> = { v4: "iptables", v6: "ip6tables" };

/** Programs of either kind under a name of their own came with 1.8. */
const VARIANTS: readonly { readonly infix: string; readonly kind: Kind | null }[] = [
  { infix: "", kind: null },
  { infix: "-nft", kind: "nft" },
  { infix: "-legacy", kind: "legacy" },
];

/** Every program that may be asked for. */
export const IPTABLES_PROGRAMS: readonly string[] = Object.values(BASES).flatMap((base) =>
  VARIANTS.flatMap(({ infix }) => [`${base}${infix}-save`, `${base}${infix}-restore`]),
);

/**
 * The installations of a family, at most one of each kind; the first is what the host calls "iptables".
 *
 * @param versionText what `program --version` prints; null for a program that does not even do that
 */
export async function findInstallations(
  family: Family,
  programs: ReadonlySet<string>,
  versionText: (program: string) => Promise<string | null>,
): Promise<readonly Installation[]> {
  const found: Installation[] = [];
  let isProven = false;
  for (const { infix, kind } of VARIANTS) {
    const save = `${BASES[family]}${infix}-save`;
    const restore = `${BASES[family]}${infix}-restore`;
    if (!programs.has(save) || !programs.has(restore)) continue;
    // Both kinds come in one package: where one works, it is not worth starting the other to see.
    const text = kind === null || !isProven ? await versionText(restore) : "";
    if (text === null) continue;
    isProven = true;
    const version = kind === null ? parseVersion(text) : { kind, isModern: true };
    if (found.every((each) => each.kind !== version.kind)) found.push({ family, save, restore, ...version });
  }
  return found;
}

/** "iptables-restore v1.8.9 (nf_tables)"; before 1.8 nothing stands in parentheses. */
export function parseVersion(text: string): { readonly kind: Kind; readonly isModern: boolean } {
  const [, major, minor, patch] = /v(\d+)\.(\d+)(?:\.(\d+))?/.exec(text)?.map(Number) ?? [];
  const number = ((major ?? 0) * 1000 + (minor ?? 0)) * 1000 + (patch || 0);
  return { kind: text.includes("(nf_tables)") ? "nft" : "legacy", isModern: number >= 1_006_002 };
}

/** What the host lacks for a family's iptables. */
export function missingPrograms(family: Family): string {
  return `${BASES[family]}-save and ${BASES[family]}-restore`;
}

export function isProgramOf(family: Family, program: string): boolean {
  return program.startsWith(`${BASES[family]}-`);
}
