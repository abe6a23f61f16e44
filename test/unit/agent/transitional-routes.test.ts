import { describe, expect, it } from "vitest";
import type { UnderlayRoute } from "../../../backends/backend.ts";
import { type OtherRoutes, transitionalRoutes } from "../../../src/agent/switch-over/transitional-routes.ts";
import { ROUTE_PROTOCOL, type RouteState, type VxlanLink } from "../../../src/kernel/state.ts";
import { parseIp, parseIpv4, parseMac, parsePrefix } from "../../../src/net/index.ts";

const DST = "10.244.2.0/24";
const PEER = "198.18.1.2";
const link = (name: string): VxlanLink => ({
  kind: "vxlan",
  name,
  mac: parseMac("02:00:00:00:04:01"),
  mtuBytes: 1450,
  vni: 1,
  parent: "eth0",
  local: parseIpv4("198.18.1.1"),
  port: null,
  learning: false,
  gbp: false,
});
const LINKS = [link("flannel.1"), link("flannel.2")];
const UNDERLAY: readonly UnderlayRoute[] = [
  { dst: parsePrefix("198.18.0.0/16"), via: null, iface: "eth0", metric: 0 },
];

function route(iface: string, via: string | null = "10.244.2.0", dst = DST): RouteState {
  const protocol = ROUTE_PROTOCOL.tweed;
  const gateway = via === null ? null : parseIp(via);
  return { dst: parsePrefix(dst), via: gateway, iface, onlink: false, protocol, mtuBytes: null };
}

const TUNNEL = route("flannel.1");
const BARE = route("eth0", PEER);
const also = (own: RouteState, iface = "eth0", via = PEER): RouteState => ({
  ...own,
  dst: parsePrefix(DST),
  alsoFrom: { via: parseIp(via), iface },
});

function routesFor(routes: readonly RouteState[], others: Partial<OtherRoutes> = {}) {
  return transitionalRoutes(
    { routes, links: LINKS },
    { unpublished: [], possible: [], underlay: UNDERLAY, ...others },
  );
}

describe("a path through options that peers do not know yet", () => {
  it("takes the place of one over the underlay, and of no other", () => {
    expect(routesFor([BARE], { unpublished: [BARE, TUNNEL], underlay: null })).toEqual([TUNNEL]);
    expect(routesFor([TUNNEL], { unpublished: [route("flannel.2")], underlay: null })).toEqual([TUNNEL]);
    expect(routesFor([], { unpublished: [TUNNEL], underlay: null })).toEqual([]);
  });
});

describe("where the reverse path is checked strictly", () => {
  it.each<[string, readonly RouteState[], Partial<OtherRoutes>, readonly RouteState[]]>([
    ["a tunnel has the underlay beside it", [TUNNEL], { possible: [BARE] }, [also(TUNNEL)]],
    ["so it does before peers know of it", [TUNNEL], { unpublished: [BARE] }, [also(TUNNEL)]],
    ["so it does where the path leaves the underlay", [BARE], { unpublished: [TUNNEL] }, [also(TUNNEL)]],
    ["not where it is not checked", [TUNNEL], { possible: [BARE], underlay: null }, [TUNNEL]],
    ["a route over the underlay has none", [BARE], { possible: [BARE] }, [BARE]],
    ["a subnet without a path gets none", [], { possible: [BARE] }, []],
    ["a route without a gateway is none", [TUNNEL], { possible: [route("eth0", null)] }, [TUNNEL]],
    ["a gateway on no link is none", [TUNNEL], { possible: [route("eth0", "203.0.113.9")] }, [TUNNEL]],
    ["a gateway on another link is none", [TUNNEL], { possible: [route("eth1", PEER)] }, [TUNNEL]],
    [
      "the first of two is taken",
      [TUNNEL],
      { unpublished: [BARE], possible: [route("eth0", "198.18.1.3")] },
      [also(TUNNEL)],
    ],
    [
      "a route for the whole network gets one for the subnet beside it",
      [route("flannel.1", null, "10.244.0.0/16")],
      { possible: [BARE] },
      [route("flannel.1", null, "10.244.0.0/16"), also(route("flannel.1", null, "10.244.0.0/16"))],
    ],
    [
      "IPv6 has no such check",
      [route("flannel.1", "fd00:10:244:2::", "fd00:10:244:2::/64")],
      { possible: [route("eth0", PEER, "fd00:10:244:2::/64")] },
      [route("flannel.1", "fd00:10:244:2::", "fd00:10:244:2::/64")],
    ],
  ])("%s", (_, routes, others, expected) => {
    expect(routesFor(routes, others)).toEqual(expected);
  });
});
