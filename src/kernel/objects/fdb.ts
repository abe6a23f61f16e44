/** FDB entries of VXLAN devices: a MAC, and the remote end to which frames for it are sent. */
import { type Ip, isUnicastMac, type Mac } from "../../net/index.ts";
import { joinedKey } from "../../runtime/joined-key.ts";
import { AF } from "../netlink/family.ts";
import type { LinkTable } from "../netlink/link-table.ts";
import {
  encodeNeighbour,
  isPermanent,
  type NeighbourMessage,
  NTF_SELF,
  NUD,
  RTM_NEIGHBOUR,
} from "../netlink/neighbour.ts";
import { creation, deletion } from "../netlink/request.ts";
import { RTN } from "../netlink/route.ts";
import type { InterfaceIndex, ObservedFdb } from "../observed.ts";
import type { Operation } from "../operation.ts";
import type { FdbState } from "../state.ts";
import { missingDevice } from "./link.ts";
import type { ObjectKind, ObservedKind } from "./object-kind.ts";

type FdbOperation = Extract<Operation, { op: "put-fdb" | "delete-fdb" }>;

export const fdbKind: ObjectKind<FdbState, ObservedFdb, FdbOperation> &
  ObservedKind<ObservedFdb, NeighbourMessage, LinkTable> = {
  operations: ["put-fdb", "delete-fdb"],
  decode: decodeFdb,
  keyOf: fdbKey,
  keyOfObserved: fdbKey,
  desiredIn: ({ fdb }) => fdb,
  observedIn: ({ fdb }) => fdb,
  matches: fdbMatches,
  waitsFor: (comparison, { iface }) => missingDevice(comparison, iface),
  put: (entry) => ({ op: "put-fdb", entry }),
  // Entries without a remote end are the kernel's own, those without "permanent" were learned.
  removal:
    ({ desired }) =>
    ({ iface, mac, remote, isPermanent }) =>
      isPermanent && remote !== null && desired.links.has(iface)
        ? { op: "delete-fdb", entry: { iface, mac, remote } }
        : null,
  deviceOf: ({ entry }) => entry.iface,
  otherDeviceOf: () => null,
  encode: (operation, index) => {
    const body = encodeBody(operation.entry, index);
    return operation.op === "put-fdb"
      ? creation(describe(operation), RTM_NEIGHBOUR.new, body)
      : deletion(describe(operation), RTM_NEIGHBOUR.delete, body);
  },
  describe,
  acknowledge: (cache, { op, entry }) => {
    const key = fdbKey(entry);
    if (op === "put-fdb") cache.fdb.set(key, { ...entry, isPermanent: true });
    else cache.fdb.delete(key);
  },
  notifiedKey: ({ entry }) => `fdb ${fdbKey(entry)}`,
};

/** A unicast MAC has one remote end; zeros and group addresses have a list of them (vxlan_fdb_update). */
export function fdbKey(entry: {
  readonly iface: string;
  readonly mac: Mac;
  readonly remote: Ip | null;
}): string {
  const { iface, mac, remote } = entry;
  return isUnicastMac(mac) ? joinedKey(iface, mac) : joinedKey(iface, mac, remote);
}

export function fdbMatches(want: FdbState, have: ObservedFdb | undefined): boolean {
  return have?.isPermanent === true && have.remote === want.remote;
}

/** null for entries in the FDB of the device's bridge. */
function decodeFdb(entry: NeighbourMessage, links: LinkTable): ObservedFdb | null {
  const iface = links.nameOf(entry.index);
  const isOwn = entry.af === AF.bridge && links.isEthernet(entry.index) && (entry.flags & NTF_SELF) !== 0;
  if (!isOwn || iface === null || entry.mac === null) return null;
  return { iface, mac: entry.mac, remote: entry.ip, isPermanent: isPermanent(entry) };
}

function encodeBody({ mac, remote }: FdbState, index: InterfaceIndex): Uint8Array {
  return encodeNeighbour({
    af: AF.bridge,
    index,
    state: NUD.permanent,
    flags: NTF_SELF,
    type: RTN.unspec,
    ip: remote,
    mac,
  });
}

function describe({ op, entry: { mac, remote, iface } }: FdbOperation): string {
  return `${op === "put-fdb" ? "put" : "delete"} fdb ${mac} dst ${remote} dev ${iface}`;
}
