/**
 * Which iptables a host has. Two programs share the name: one for the old tables (legacy), one that writes its rules in
 * nftables (nft). Debian installs both, with an alternative that selects the one called "iptables".
 */
import type { Family } from "../../../net/index.ts";

export type Kind = "nft" | "legacy";

export interface Installation {
  readonly family: Family;
  readonly kind: Kind;
  readonly save: string;
  readonly restore: string;
  /** iptables-restore waits for the lock, and MASQUERADE has --random-fully, both from 1.6.2 on. */
  readonly isModern: boolean;
}

const BASES: Readonly<Record<Family, string>> = { v4: "iptables", v6: "ip6tables" };

/** Names for each kind exist since 1.8. */
const VARIANTS: readonly { readonly infix: string; readonly kind: Kind | null }[] = [
  { infix: "", kind: null },
  { infix: "-nft", kind: "nft" },
  { infix: "-legacy", kind: "legacy" },
];

/** All programs that may be looked up. */
export const IPTABLES_PROGRAMS: readonly string[] = Object.values(BASES).flatMap((base) =>
  VARIANTS.flatMap(({ infix }) => [`${base}${infix}-save`, `${base}${infix}-restore`]),
);

/**
 * The installations of a family, at most one of each kind; the first is what the host calls "iptables".
 *
 * @param versionText what `program --version` prints; null for a program that fails to
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
    // Both kinds come in one package: where one works, the other is taken to work without starting it.
    const text = kind === null || !isProven ? await versionText(restore) : "";
    if (text === null) continue;
    isProven = true;
    const version = kind === null ? parseVersion(text) : { kind, isModern: true };
    if (found.every((each) => each.kind !== version.kind)) found.push({ family, save, restore, ...version });
  }
  return found;
}

/** "iptables-restore v1.8.9 (nf_tables)"; before 1.8 there are no parentheses. */
export function parseVersion(text: string): { readonly kind: Kind; readonly isModern: boolean } {
  const [, major, minor, patch] = /v(\d+)\.(\d+)(?:\.(\d+))?/.exec(text)?.map(Number) ?? [];
  const number = ((major ?? 0) * 1000 + (minor ?? 0)) * 1000 + (patch || 0);
  return { kind: text.includes("(nf_tables)") ? "nft" : "legacy", isModern: number >= 1_006_002 };
}

/** The programs that a host without a family's iptables lacks. */
export function missingPrograms(family: Family): string {
  return `${BASES[family]}-save and ${BASES[family]}-restore`;
}

export function isProgramOf(family: Family, program: string): boolean {
  return program.startsWith(`${BASES[family]}-`);
}
