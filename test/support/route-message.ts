import type { RouteMessage } from "../../src/kernel/netlink/route.ts";
import { parsePrefix } from "../../src/net/index.ts";

/** A unicast route of the main table (254) by protocol boot (3), without a next hop; fields as given. */
export function routeMessage(fields: Partial<RouteMessage> = {}): RouteMessage {
  return {
    dst: parsePrefix("10.244.3.0/24"),
    table: 254,
    protocol: 3,
    scope: 0,
    type: 1,
    flags: 0,
    gateway: null,
    index: null,
    metric: null,
    source: null,
    mtuBytes: null,
    nextHops: null,
    ...fields,
  };
}
