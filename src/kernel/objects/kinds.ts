/**
 * The kinds of devices, by IFLA_INFO_KIND. A new kind is a file beside this one and a line in {@link
 * LINK_KINDS}.
 */

import { ipip } from "./ipip.ts";
import type { ChangeOf, DesiredOf, LinkKind, SettingsOf } from "./link-kind.ts";
import { tun } from "./tun.ts";
import { vxlan } from "./vxlan.ts";

export const LINK_KINDS = { vxlan, ipip, tun };

type Kind = (typeof LINK_KINDS)[keyof typeof LINK_KINDS];

/** A desired device. */
export type LinkState = DesiredOf<Kind>;
/** A device's settings that are particular to its kind, as the kernel reports them. */
export type LinkSettings = SettingsOf<Kind>;
/** Settings to change in place; absent ones are unchanged. */
export type LinkChange = ChangeOf<Kind>;

const BY_NAME = new Map<string | null, LinkKind>(Object.entries(LINK_KINDS));

/** undefined for other kinds. */
export function findLinkKind(kind: string | null): LinkKind | undefined {
  return BY_NAME.get(kind);
}

export function linkKindOf({ kind }: { readonly kind: LinkState["kind"] | LinkChange["kind"] }): LinkKind {
  return LINK_KINDS[kind];
}
