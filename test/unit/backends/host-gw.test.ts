import { describe, expect, it } from "vitest";
import { NO_DATA, NO_PEERS } from "../../../backends/backend.ts";
import { hostGw } from "../../../backends/host-gw/index.ts";
import { ROUTE_PROTOCOL } from "../../../src/kernel/state.ts";
import { parseIpv4 } from "../../../src/net/index.ts";
import { sampleNode, samplePeer } from "../../support/sample-node.ts";

const data = { v4: NO_DATA, v6: NO_DATA };
const PEERS = { ...NO_PEERS, carried: [{ ...samplePeer(2), data }] };

describe("host-gw", () => {
  it("routes each family of a peer through the peer's own address", () => {
    const { state } = hostGw.plan(sampleNode(), null, PEERS);
    const common = { iface: "eth0", onlink: false, protocol: ROUTE_PROTOCOL.tweed, mtuBytes: null };
    expect(state).toEqual({
      links: [],
      addresses: [],
      fdb: [],
      neighbours: [],
      blackholes: [],
      sysctls: [],
      routes: [
        { ...common, dst: "10.244.2.0/24", via: "198.18.1.2" },
        { ...common, dst: "fd00:10:244:2::/64", via: "fd00:198:18::102" },
      ],
    });
  });

  it("gives pods the whole MTU and publishes no data", () => {
    expect(hostGw.publish(sampleNode(), null)).toEqual({
      data: { v4: null, v6: null },
      podMtuBytes: 1500,
      carrierMtuBytes: { v4: 1500, v6: 1500 },
    });
  });

  it("refuses to work through NAT and says what to do", () => {
    const node = sampleNode({ publicIps: { v4: parseIpv4("203.0.113.9"), v6: null } });
    expect(hostGw.refuseHost(node, null)).toMatch(
      /203\.0\.113\.9 is not eth0's own 198\.18\.1\.1.*use vxlan or drop --public-ip/,
    );
  });

  it("refuses an interface without Ethernet addresses and says what to do", () => {
    const underlay = sampleNode().underlay.map((route) => ({ ...route, isLayer3: true as const }));
    expect(hostGw.refuseHost(sampleNode({ underlay }), null)).toMatch(
      /eth0 has no Ethernet addresses.*use vxlan, or another interface with --iface/,
    );
  });

  it("works beside a link without Ethernet addresses, and where only some routes are of one", () => {
    expect(hostGw.refuseHost(sampleNode(), null)).toBeNull();
    const [first, ...others] = sampleNode().underlay;
    if (first === undefined) throw new Error("the sample node has routes");
    const beside = { ...first, iface: "wg0", isLayer3: true as const };
    expect(hostGw.refuseHost(sampleNode({ underlay: [first, ...others, beside] }), null)).toBeNull();
    const mixed = [first, { ...first, isLayer3: true as const }];
    expect(hostGw.refuseHost(sampleNode({ underlay: mixed }), null)).toMatch(/no Ethernet addresses/);
  });

  it("has no route to a peer in a family of which that lacks subnet or address", () => {
    const peer = { ...samplePeer(2), data };
    const routesTo = (changes: Partial<typeof peer>) =>
      hostGw
        .plan(sampleNode(), null, { ...NO_PEERS, carried: [{ ...peer, ...changes }] })
        .state.routes.map(({ dst }) => dst);
    const { subnets, publicIps } = peer;
    expect(routesTo({ subnets: { ...subnets, v6: null } })).toEqual(["10.244.2.0/24"]);
    expect(routesTo({ publicIps: { ...publicIps, v6: null } })).toEqual(["10.244.2.0/24"]);
    expect(routesTo({ publicIps: { ...publicIps, v4: null } })).toEqual(["fd00:10:244:2::/64"]);
  });

  it("has the routes of standby peers apart, and takes packets as they arrive", () => {
    const { state, standby, origins } = hostGw.plan(sampleNode(), null, {
      ...NO_PEERS,
      standby: [{ ...samplePeer(3), data }],
    });
    expect(state.routes).toEqual([]);
    expect(standby.routes.map(({ dst }) => dst)).toEqual(["10.244.3.0/24", "fd00:10:244:3::/64"]);
    expect(origins).toEqual({ arrivesBare: true, tunnels: [] });
  });

  it("leaves out a family without a lease", () => {
    const { subnets } = sampleNode();
    const node = sampleNode({ subnets: { v4: subnets.v4, v6: null } });
    expect(hostGw.plan(node, null, PEERS).state.routes.map((route) => route.dst)).toEqual(["10.244.2.0/24"]);
  });
});
