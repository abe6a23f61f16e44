/** Neighbour entries of VXLAN devices: the MAC of a peer's address in the tunnel. */
import { familyOf, type Ip } from "../../net/index.ts";
import { joinedKey } from "../../runtime/joined-key.ts";
import { AF, afOf } from "../netlink/family.ts";
import type { LinkTable } from "../netlink/link-table.ts";
import {
  encodeNeighbour,
  isPermanent,
  type NeighbourMessage,
  NUD,
  RTM_NEIGHBOUR,
} from "../netlink/neighbour.ts";
import { creation, deletion } from "../netlink/request.ts";
import { RTN } from "../netlink/route.ts";
import type { InterfaceIndex, ObservedNeighbour } from "../observed.ts";
import type { Operation } from "../operation.ts";
import type { Comparison } from "../reconcile/stage.ts";
import type { NeighbourState } from "../state.ts";
import { fdbKey, fdbMatches } from "./fdb.ts";
import { missingDevice } from "./link.ts";
import type { ObjectKind, ObservedKind } from "./object-kind.ts";

type NeighbourOperation = Extract<Operation, { op: "put-neighbour" | "delete-neighbour" }>;

export const neighbourKind: ObjectKind<NeighbourState, ObservedNeighbour, NeighbourOperation> &
  ObservedKind<ObservedNeighbour, NeighbourMessage, LinkTable> = {
  operations: ["put-neighbour", "delete-neighbour"],
  decode: decodeNeighbour,
  keyOf: keyOfEntry,
  keyOfObserved: keyOfEntry,
  desiredIn: ({ neighbours }) => neighbours,
  observedIn: ({ neighbours }) => neighbours,
  matches: neighbourMatches,
  waitsFor: missingForNeighbour,
  put: (entry) => ({ op: "put-neighbour", entry }),
  removal:
    ({ desired }) =>
    ({ iface, ip, mac, isPermanent }) =>
      isPermanent && mac !== null && desired.links.has(iface)
        ? { op: "delete-neighbour", entry: { iface, ip, mac } }
        : null,
  deviceOf: ({ entry }) => entry.iface,
  otherDeviceOf: () => null,
  encode: (operation, index) => {
    const body = encodeBody(operation.entry, index);
    return operation.op === "put-neighbour"
      ? creation(describe(operation), RTM_NEIGHBOUR.new, body)
      : deletion(describe(operation), RTM_NEIGHBOUR.delete, body);
  },
  describe,
  acknowledge: (cache, { op, entry }) => {
    const key = keyOfEntry(entry);
    if (op === "put-neighbour") cache.neighbours.set(key, { ...entry, isPermanent: true });
    else cache.neighbours.delete(key);
  },
  notifiedKey: ({ entry }) => `neighbour ${keyOfEntry(entry)}`,
};

export function neighbourKey(iface: string, ip: Ip): string {
  return joinedKey(iface, ip);
}

function keyOfEntry({ iface, ip }: { readonly iface: string; readonly ip: Ip }): string {
  return neighbourKey(iface, ip);
}

export function neighbourMatches(want: NeighbourState, have: ObservedNeighbour | undefined): boolean {
  return have?.isPermanent === true && have.mac === want.mac;
}

/** A neighbour depends on the FDB entry of its MAC. */
export function missingForNeighbour(comparison: Comparison, neighbour: NeighbourState): string | null {
  const { desired, cache } = comparison;
  const key = fdbKey({ iface: neighbour.iface, mac: neighbour.mac, remote: null });
  const fdb = desired.fdb.get(key);
  if (fdb !== undefined && !fdbMatches(fdb, cache.fdb.get(key))) return `fdb ${key}`;
  return missingDevice(comparison, neighbour.iface);
}

/** null for entries that need no resolution, and for those of other devices. */
function decodeNeighbour(entry: NeighbourMessage, links: LinkTable): ObservedNeighbour | null {
  const iface = links.nameOf(entry.index);
  const isIp = entry.af === AF.inet || entry.af === AF.inet6;
  if (!isIp || !links.isEthernet(entry.index) || iface === null || entry.ip === null) return null;
  if ((entry.state & NUD.noArp) !== 0) return null;
  return { iface, ip: entry.ip, mac: entry.mac, isPermanent: isPermanent(entry) };
}

function encodeBody({ ip, mac }: NeighbourState, index: InterfaceIndex): Uint8Array {
  return encodeNeighbour({
    af: afOf(familyOf(ip)),
    index,
    state: NUD.permanent,
    flags: 0,
    type: RTN.unicast,
    ip,
    mac,
  });
}

function describe({ op, entry: { ip, mac, iface } }: NeighbourOperation): string {
  return `${op === "put-neighbour" ? "put" : "delete"} neighbour ${ip} lladdr ${mac} dev ${iface}`;
}
