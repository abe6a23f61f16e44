/** The device and the route of flannel's own examples. */
import type { RouteState, VxlanLink } from "../../src/kernel/state.ts";
import { parseIp, parseMac, parsePrefix } from "../../src/net/index.ts";

export const FLANNEL_LINK: VxlanLink = {
  kind: "vxlan",
  name: "flannel.1",
  mac: parseMac("0e:52:a1:00:00:07"),
  mtuBytes: 1450,
  vni: 1,
  parent: "eth0",
  local: parseIp("192.0.2.1"),
  port: null,
  learning: false,
  gbp: false,
};

export const PEER_MAC = parseMac("0e:00:00:00:00:03");

/** To the peer whose subnet is 10.244.3.0/24. */
export const PEER_ROUTE: RouteState = {
  dst: parsePrefix("10.244.3.0/24"),
  via: parseIp("10.244.3.0"),
  iface: "flannel.1",
  onlink: true,
  protocol: 3,
  mtuBytes: null,
};
