/** What of a device can be changed in place, and what takes a new device (compat 4.1). */

import { familyOf } from "../../net/index.ts";
import type { ObservedLink } from "../observed.ts";
import type { Operation } from "../operation.ts";
import type { LinkState } from "../state.ts";

/** UDP port of a VXLAN device that was made without one (drivers/net/vxlan: vxlan_port). */
export const KERNEL_VXLAN_PORT = 8472;

export type SetLink = Extract<Operation, { op: "set-link" }>;

export interface LinkContext {
  readonly links: ReadonlyMap<string, ObservedLink>;
  /** Devices whose kernel refused another local address in place. */
  readonly fixedLocal: ReadonlySet<string>;
}

/** False when only another device can serve. What cannot be compared, such as an absent parent, is no difference. */
export function isCompatible(want: LinkState, have: ObservedLink, context: LinkContext): boolean {
  if (want.kind === "tun") {
    // A persistent one, as daemons before this one left it, would outlive us.
    return have.tun?.isPersistent === false && have.tun.multiQueue;
  }
  const { vxlan } = have;
  if (vxlan === null) return false;
  const parent = context.links.get(want.parent);
  const isOtherParent =
    parent !== undefined && vxlan.parentIndex !== null && parent.index !== vxlan.parentIndex;
  const needsOtherLocal =
    vxlan.local !== null &&
    vxlan.local !== want.local &&
    (familyOf(vxlan.local) !== familyOf(want.local) || context.fixedLocal.has(want.name));
  return (
    vxlan.vni === want.vni &&
    vxlan.port === (want.port ?? KERNEL_VXLAN_PORT) &&
    vxlan.gbp === want.gbp &&
    vxlan.group === null &&
    !vxlan.l2miss &&
    !isOtherParent &&
    !needsOtherLocal
  );
}

/** The differences of a compatible device, one change each, so that a refused one does not take others with it. */
export function changesInPlace(want: LinkState, have: ObservedLink): readonly SetLink[] {
  const changes: SetLink[] = [];
  const { name } = want;
  if (have.mtuBytes !== want.mtuBytes) changes.push({ op: "set-link", name, mtuBytes: want.mtuBytes });
  if (want.kind !== "vxlan" || have.vxlan === null) return changes;
  if (have.mac !== want.mac) changes.push({ op: "set-link", name, mac: want.mac });
  if (have.vxlan.learning !== want.learning) changes.push({ op: "set-link", name, learning: want.learning });
  if (have.vxlan.local !== want.local) changes.push({ op: "set-link", name, local: want.local });
  return changes;
}
