/**
 * Blackholes: prefixes whose packets are dropped where no better route exists. The kernel lists them among the routes.
 */
import type { Prefix } from "../../net/index.ts";
import { creation, deletion } from "../netlink/request.ts";
import { encodeRoute, RT_SCOPE, RT_TABLE_MAIN, RTM_ROUTE, RTN } from "../netlink/route.ts";
import type { ObservedRoute } from "../observed.ts";
import type { Operation } from "../operation.ts";
import { isOwnPrefix, type Ownership } from "../reconcile/ownership.ts";
import { BLACKHOLE_METRIC, ROUTE_PROTOCOL } from "../state.ts";
import type { ObjectKind } from "./object-kind.ts";

type BlackholeOperation = Extract<Operation, { op: "put-blackhole" | "delete-blackhole" }>;

export const blackholeKind: ObjectKind<Prefix, ObservedRoute, BlackholeOperation> = {
  operations: ["put-blackhole", "delete-blackhole"],
  keyOf: blackholeKey,
  desiredIn: ({ blackholes }) => blackholes,
  observedIn: ({ routes }) => routes,
  matches: (_dst, have) => have !== undefined && isBlackhole(have),
  // Not part of any path, so it waits for nothing.
  waitsFor: () => null,
  put: (dst) => ({ op: "put-blackhole", dst }),
  removal:
    ({ ownership }) =>
    (have) =>
      isOwnBlackhole(ownership, have) ? { op: "delete-blackhole", dst: have.dst } : null,
  deviceOf: () => null,
  otherDeviceOf: () => null,
  encode: (operation) =>
    operation.op === "put-blackhole"
      ? creation(describe(operation), RTM_ROUTE.new, encodeBody(operation.dst, RT_SCOPE.universe))
      : deletion(describe(operation), RTM_ROUTE.delete, encodeBody(operation.dst, RT_SCOPE.nowhere)),
  describe,
  acknowledge: (cache, { op, dst }) => {
    const key = blackholeKey(dst);
    if (op === "put-blackhole") cache.routes.set(key, { dst, ...AS_ROUTE });
    else cache.routes.delete(key);
  },
  notifiedKey: ({ dst }) => `route ${blackholeKey(dst)}`,
};

/** The key among the routes; no other route has it. */
function blackholeKey(dst: Prefix): string {
  return `${dst} ${BLACKHOLE_METRIC}`;
}

/** True for a blackhole of our form inside our networks. */
export function isOwnBlackhole(ownership: Ownership, route: ObservedRoute): boolean {
  return isBlackhole(route) && isOwnPrefix(ownership, route.dst);
}

/** Checks protocol and metric too, since a multipath route has no interface either. */
export function isBlackhole({ iface, protocol, metric }: ObservedRoute): boolean {
  return iface === null && protocol === ROUTE_PROTOCOL.tweed && metric === BLACKHOLE_METRIC;
}

const AS_ROUTE = {
  via: null,
  iface: null,
  onlink: false,
  protocol: ROUTE_PROTOCOL.tweed,
  metric: BLACKHOLE_METRIC,
  mtuBytes: null,
  source: null,
} as const;

/** Without a device: IPv4 refuses one (fib_create_info), and IPv6 uses "lo". */
function encodeBody(dst: Prefix, scope: number): Uint8Array {
  return encodeRoute({
    dst,
    table: RT_TABLE_MAIN,
    protocol: ROUTE_PROTOCOL.tweed,
    scope,
    type: RTN.blackhole,
    flags: 0,
    gateway: null,
    index: null,
    metric: BLACKHOLE_METRIC,
    source: null,
    mtuBytes: null,
    nextHops: null,
  });
}

function describe({ op, dst }: BlackholeOperation): string {
  return `${op === "put-blackhole" ? "put" : "delete"} route blackhole ${dst}`;
}
