import { describe, expect, it } from "vitest";
import { NO_PEERS } from "../../../backends/backend.ts";
import { ipip } from "../../../backends/ipip/index.ts";
import { activateBackend, offersOf } from "../../../src/agent/switch-over/active-backend.ts";
import { parseNetworkConfig } from "../../../src/config/network-config.ts";
import { EMPTY_STATE, ROUTE_PROTOCOL } from "../../../src/kernel/state.ts";
import { decodeLeaseValue, encodeLeaseValue } from "../../../src/lease/lease-value.ts";
import { parseIpv4, parseIpv4Prefix } from "../../../src/net/index.ts";
import type { JsonObject } from "../../../src/runtime/json.ts";
import { sampleNode, samplePeer } from "../../support/sample-node.ts";

const NODE = sampleNode();
const NODE4 = {
  ...NODE,
  publicIps: { v4: NODE.publicIps.v4, v6: null },
  subnets: { v4: NODE.subnets.v4, v6: null },
  networks: { v4: NODE.networks.v4, v6: null },
};

function peer(number: number, ip = `198.18.1.${number}`) {
  const subnets = { v4: parseIpv4Prefix(`10.244.${number}.0/24`), v6: null };
  return {
    key: `peer${number}`,
    subnets,
    publicIps: { v4: parseIpv4(ip), v6: null },
    data: { v4: { routesDirectly: false }, v6: null },
  };
}

const planOf = (raw: JsonObject, ...carried: ReturnType<typeof peer>[]) =>
  ipip.plan(NODE4, ipip.parseOptions({ Type: "ipip", ...raw }, ["v4"]), { ...NO_PEERS, carried }).state;

describe("ipip", () => {
  it("makes flannel's device with the subnet's network address on it", () => {
    const { links, addresses, fdb, neighbours } = planOf({});
    expect(links).toEqual([{ kind: "ipip", name: "flannel.ipip", mtuBytes: 1480, local: "198.18.1.1" }]);
    expect(addresses).toEqual([{ iface: "flannel.ipip", ip: "10.244.1.0", length: 32 }]);
    expect([fdb, neighbours]).toEqual([[], []]);
  });

  it("reaches a peer by an onlink route through its public address", () => {
    const route = { onlink: true, protocol: ROUTE_PROTOCOL.boot, mtuBytes: null };
    expect(planOf({}, peer(2)).routes).toEqual([
      { ...route, dst: "10.244.2.0/24", via: "198.18.1.2", iface: "flannel.ipip" },
    ]);
  });

  it("with DirectRouting sends plain packets to peers on the link, and tunnels to those behind a gateway", () => {
    const { routes } = planOf({ directrouting: true }, peer(2), peer(3, "203.0.113.3"));
    expect(routes.map(({ dst, iface, onlink, protocol }) => [dst, iface, onlink, protocol])).toEqual([
      ["10.244.2.0/24", "eth0", false, ROUTE_PROTOCOL.tweed],
      ["10.244.3.0/24", "flannel.ipip", true, ROUTE_PROTOCOL.boot],
    ]);
  });

  it("accepts what comes by another way while the cluster changes", () => {
    expect(planOf({}).sysctls).toEqual([{ path: "net/ipv4/conf/flannel.ipip/rp_filter", value: "2" }]);
  });

  it("has the routes of paths ready that no packet takes yet, and nothing else of them", () => {
    const { state, standby } = ipip.plan(
      NODE4,
      { directRouting: false },
      { ...NO_PEERS, standby: [peer(2)] },
    );
    expect(state.routes).toEqual([]);
    expect(standby).toEqual({ ...EMPTY_STATE, routes: planOf({}, peer(2)).routes });
  });

  it.each([
    ["without an IPv4 address", { iface: { ...NODE4.iface, ips: { v4: null, v6: null } } }],
    ["without an IPv4 subnet", { subnets: { v4: null, v6: null } }],
  ])("makes nothing on a host %s", (_, fields) => {
    const peers = { ...NO_PEERS, carried: [peer(2)], standby: [peer(3)] };
    const plan = ipip.plan({ ...NODE4, ...fields }, { directRouting: false }, peers);
    expect(plan.state).toEqual(EMPTY_STATE);
    expect(plan.standby).toEqual(EMPTY_STATE);
    expect(plan.origins.tunnels).toEqual([]);
  });

  it.each([
    ["subnet", { subnets: { v4: null, v6: null } }],
    ["public address", { publicIps: { v4: null, v6: null } }],
    ["data", { data: { v4: null, v6: null } }],
  ])("has no route to a peer without an IPv4 %s", (_, fields) => {
    const peers = { ...NO_PEERS, carried: [{ ...peer(2), ...fields }, peer(3)] };
    const { routes } = ipip.plan(NODE4, { directRouting: false }, peers).state;
    expect(routes.map(({ dst }) => dst)).toEqual(["10.244.3.0/24"]);
  });

  it("has who sends into its device checked", () => {
    const { origins } = ipip.plan(NODE4, { directRouting: false }, NO_PEERS);
    expect(origins).toEqual({ arrivesBare: false, tunnels: [{ kind: "ipip" }] });
  });

  it("sends from the interface's address, whatever address is published", () => {
    const node = { ...NODE4, publicIps: { v4: parseIpv4("203.0.113.9"), v6: null } };
    const { links } = ipip.plan(node, { directRouting: false }, NO_PEERS).state;
    expect(links).toMatchObject([{ local: "198.18.1.1" }]);
  });

  it("gives pods the interface's MTU less an IPv4 header, and says so where nothing would be left", () => {
    const options = { directRouting: false };
    expect(ipip.publish(NODE4, options).podMtuBytes).toBe(1480);
    const narrow = { ...NODE4, iface: { ...NODE4.iface, mtuBytes: 80 } };
    expect(ipip.refuseHost(narrow, options)).toMatch(/80, leaves 60 bytes; raise it to at least 88/);
    expect(ipip.refuseHost(NODE4, options)).toBeNull();
  });

  it("refuses a network with IPv6, of which it would carry nothing", () => {
    expect(() => ipip.parseOptions({ Type: "ipip" }, ["v4", "v6"])).toThrow(/Type is "ipip".*IPv4 only/);
    expect(
      ipip.refuse(NODE, { ...samplePeer(2), data: { v4: null, v6: { routesDirectly: false } } }),
    ).toMatch(/IPv4 only/);
  });
});

function published(backend: JsonObject): string {
  const config = { Network: "10.244.0.0/16", Backend: backend };
  const active = activateBackend(parseNetworkConfig(JSON.stringify(config), "test"));
  return encodeLeaseValue({ publicIps: NODE4.publicIps, offers: offersOf([active], NODE4) });
}

describe("the lease of ipip", () => {
  const text = '{"PublicIP":"198.18.1.1","PublicIPv6":null,"BackendType":"ipip"}';

  it("is flannel's text, without backend data", () => {
    expect(published({ Type: "ipip" })).toBe(text);
  });

  it("announces DirectRouting, which flannel ignores, so that both ends of a pair agree", () => {
    const data = published({ Type: "ipip", DirectRouting: true });
    expect(JSON.parse(data)).toMatchObject({ BackendType: "ipip", BackendData: { DirectRouting: true } });
    const direct = { ...peer(2), data: { v4: { routesDirectly: true }, v6: null } };
    expect(planOf({}, direct).routes).toMatchObject([{ iface: "eth0", via: "198.18.1.2", onlink: false }]);
  });

  it("is on the channel, whoever wrote it", () => {
    const [offer] = decodeLeaseValue(Buffer.from(text)).offers;
    const data = ipip.parseData(offer.data.v4, "v4");
    expect(offer.type).toBe("ipip");
    if (typeof data === "string") throw new Error(data);
    expect(ipip.isOnChannel(data, { directRouting: false })).toBe(true);
  });
});
