/** Requests with a single answer. */
import type { Ip } from "../../net/index.ts";
import { TweedError } from "../../runtime/error.ts";
import { ERRNO, errnoName } from "../libc/errno.ts";
import type { InterfaceIndex } from "../observed.ts";
import { decodeLink, encodeLinkQuery, RTM_LINK } from "./link.ts";
import type { RequestSocket } from "./request-socket.ts";
import { decodeRoute, encodeRouteLookup, RTM_ROUTE, RTN } from "./route.ts";

/** No route, and the answers of blackhole, prohibit and unreachable routes (fib_props, fib_semantics.c). */
const NO_ROUTE_ERRNOS = [ERRNO.ENETUNREACH, ERRNO.ESRCH, ERRNO.EINVAL, ERRNO.EACCES, ERRNO.EHOSTUNREACH];

/** The last two: a name that is too long, or empty. */
const NO_DEVICE_ERRNOS = [ERRNO.ENODEV, ERRNO.ERANGE, ERRNO.EINVAL];

/** null when there is no such device. */
export async function findLink(
  socket: RequestSocket,
  wanted: { readonly name: string } | { readonly index: number },
): Promise<{ readonly index: InterfaceIndex; readonly name: string } | null> {
  const operation = `find link ${"name" in wanted ? wanted.name : wanted.index}`;
  const body = encodeLinkQuery(wanted);
  const link = await nullOn(
    NO_DEVICE_ERRNOS,
    socket.get({ operation, type: RTM_LINK.get, flags: 0, body, doneErrnos: [] }, (answer) =>
      decodeLink(answer.body),
    ),
  );
  if (link === null || link.name === null) return null;
  return { index: link.index as InterfaceIndex, name: link.name };
}

/** The route that a packet to `ip` would take, or null without one. */
export async function findRoute(
  socket: RequestSocket,
  ip: Ip,
): Promise<{ readonly iface: string; readonly via: Ip | null; readonly source: Ip | null } | null> {
  const body = encodeRouteLookup(ip);
  const route = await nullOn(
    NO_ROUTE_ERRNOS,
    socket.get(
      { operation: `find route to ${ip}`, type: RTM_ROUTE.get, flags: 0, body, doneErrnos: [] },
      (answer) => decodeRoute(answer.body),
    ),
  );
  // For a refusing route IPv6 answers with that route, and IPv4 with an error.
  const leadsThere = route?.type === RTN.unicast || route?.type === RTN.local;
  if (route === null || !leadsThere || route.index === null) return null;
  const link = await findLink(socket, { index: route.index });
  return link === null ? null : { iface: link.name, via: route.gateway, source: route.source };
}

/** null where the kernel answers with one of these errno values. */
async function nullOn<T>(errnos: readonly number[], answer: Promise<T>): Promise<T | null> {
  try {
    return await answer;
  } catch (error) {
    const isOneOfThem = errnos.some(
      (errno) => error instanceof TweedError && error.code === errnoName(errno),
    );
    if (isOneOfThem) return null;
    throw error;
  }
}
