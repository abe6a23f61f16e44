import { FAMILIES, type Family } from "../../net/index.ts";
import { ERRNO } from "../libc/errno.ts";
import { addressKind } from "../objects/address.ts";
import { fdbKind } from "../objects/fdb.ts";
import { linkKind } from "../objects/link.ts";
import { neighbourKind } from "../objects/neighbour.ts";
import { routeKind } from "../objects/route.ts";
import type { ObservedLink, ObservedState } from "../observed.ts";
import { decodeAddress, encodeAddressQuery, RTM_ADDRESS } from "./address.ts";
import { AF, afOf } from "./family.ts";
import { decodeLink, encodeLinkQuery, type LinkMessage, RTM_LINK } from "./link.ts";
import { LinkTable } from "./link-table.ts";
import type { Message } from "./message.ts";
import { decodeNeighbour, encodeNeighbourQuery, type NeighbourMessage, RTM_NEIGHBOUR } from "./neighbour.ts";
import { observeRules } from "./observe-rules.ts";
import type { Request } from "./request.ts";
import type { RequestSocket } from "./request-socket.ts";
import { decodeRoute, encodeTableQuery, RT_TABLE_MAIN, RTM_ROUTE } from "./route.ts";

/**
 * Answers of a kernel without the family. ENOENT: the main table of IPv4 is created with its first route
 * (fib_table_lookup in net/ipv4/fib_frontend.c). ENODEV: the device was deleted after it was listed.
 */
const ABSENT_ERRNOS = [ERRNO.ENOENT, ERRNO.ENODEV, ERRNO.EOPNOTSUPP, ERRNO.EAFNOSUPPORT];

/** Dumps all of {@link ObservedState}. The dumps follow one another; they are not one snapshot. */
export async function observe(socket: RequestSocket): Promise<ObservedState> {
  const links: ObservedLink[] = [];
  const table = new LinkTable();
  // Decoded during the dump, so that a socket whose answers cannot be decoded is reopened.
  for (const { message, link } of await dumpLinksAs(socket, readLink)) {
    table.put(message);
    if (link !== null) links.push(link);
  }
  return {
    links,
    addresses: await perFamily((family) => dumpAddresses(socket, family, table)),
    fdb: await perDevice(table, (index) =>
      dumpNeighbours(socket, AF.bridge, index, (entry) => fdbKind.decode(entry, table)),
    ),
    neighbours: await perDevice(table, (index) =>
      perFamily((family) =>
        dumpNeighbours(socket, afOf(family), index, (entry) => neighbourKind.decode(entry, table)),
      ),
    ),
    routes: await perFamily((family) => dumpRoutes(socket, family, table)),
    rules: await observeRules(socket, table),
  };
}

function readLink(message: LinkMessage) {
  return { message, link: linkKind.decode(message) };
}

export function dumpLinks(socket: RequestSocket): Promise<LinkMessage[]> {
  return dumpLinksAs(socket, (message) => message);
}

function dumpLinksAs<T>(socket: RequestSocket, read: (message: LinkMessage) => T): Promise<T[]> {
  return socket.dump(query("list links", RTM_LINK.get, encodeLinkQuery({})), ({ type, body }) =>
    type === RTM_LINK.new ? read(decodeLink(body)) : null,
  );
}

function dumpAddresses(socket: RequestSocket, family: Family, links: LinkTable) {
  return socket.dump(
    query(`list IP${family} addresses`, RTM_ADDRESS.get, encodeAddressQuery(family)),
    (message) =>
      isAnswer(message, RTM_ADDRESS.new, family)
        ? addressKind.decode(decodeAddress(message.body), links)
        : null,
  );
}

function dumpRoutes(socket: RequestSocket, family: Family, links: LinkTable) {
  return socket.dump(
    query(`list IP${family} routes`, RTM_ROUTE.get, encodeTableQuery(family, RT_TABLE_MAIN)),
    (message) =>
      isAnswer(message, RTM_ROUTE.new, family) ? routeKind.decode(decodeRoute(message.body), links) : null,
  );
}

function dumpNeighbours<T>(
  socket: RequestSocket,
  af: number,
  index: number,
  take: (entry: NeighbourMessage) => T | null,
): Promise<T[]> {
  return socket.dump(
    query("list neighbours", RTM_NEIGHBOUR.get, encodeNeighbourQuery(af, index)),
    ({ type, body }) => {
      if (type !== RTM_NEIGHBOUR.new) return null;
      const entry = decodeNeighbour(body);
      // A kernel without strict checking lists the entries of all devices.
      return entry.af === af && entry.index === index ? take(entry) : null;
    },
  );
}

/** A kernel without the requested family answers with the families that it has. */
function isAnswer({ type, body }: Message, wanted: number, family: Family): boolean {
  return type === wanted && body[0] === afOf(family);
}

function query(operation: string, type: number, body: Uint8Array): Request {
  return { operation, type, flags: 0, body, doneErrnos: ABSENT_ERRNOS };
}

async function perFamily<T>(dump: (family: Family) => Promise<T[]>): Promise<T[]> {
  return (await Promise.all(FAMILIES.map(dump))).flat();
}

async function perDevice<T>(links: LinkTable, dump: (index: number) => Promise<T[]>): Promise<T[]> {
  return (await Promise.all(links.ethernetIndexes().map(dump))).flat();
}
