import { describe, expect, it } from "vitest";
import { NO_DATA } from "../../../backends/backend.ts";
import { udp } from "../../../backends/udp/index.ts";
import { planUdp, refuseTunMtu, tunMtuBytes, tunnelOf, tunnelState } from "../../../backends/udp/plan.ts";
import { EMPTY_STATE } from "../../../src/kernel/state.ts";
import { parseIpv4, parseIpv4Prefix, parsePrefix } from "../../../src/net/index.ts";
import { sampleNode, samplePeer } from "../../support/sample-node.ts";

describe("udp, where hosts have addresses in the network", () => {
  const node = sampleNode({
    networks: { v4: parseIpv4Prefix("10.0.0.0/8"), v6: null },
    underlay: [
      { dst: parsePrefix("10.1.0.0/16"), via: null, iface: "eth0", metric: 0 },
      { dst: parsePrefix("0.0.0.0/0"), via: parseIpv4("10.1.0.1"), iface: "eth0", metric: 0 },
    ],
  });
  const refusal = (ip: string) =>
    udp.refuse(node, {
      ...samplePeer(2),
      data: { v4: NO_DATA, v6: null },
      publicIps: { v4: parseIpv4(ip), v6: null },
    });

  it("reaches those on the link, whose route is more specific than the tunnel's", () => {
    expect(refusal("10.1.7.7")).toBeNull();
  });

  it("refuses those behind a router: the network's route would send datagrams into the tunnel", () => {
    expect(refusal("10.2.7.7")).toMatch(
      /10\.2\.7\.7 lies in the network 10\.0\.0\.0\/8 .*loop into the tunnel/,
    );
  });

  it("reaches whoever is outside the network", () => {
    expect(refusal("203.0.113.9")).toBeNull();
  });
});

describe("the port of udp", () => {
  it.each([
    [{}, 8285],
    [{ Port: 0 }, 8285],
    [{ port: 9000 }, 9000],
    [{ Port: 65_535 }, 65_535],
  ])("%o is %i", (raw, port) => {
    expect(udp.parseOptions({ Type: "udp", ...raw }, ["v4"])).toEqual({ port });
  });

  it("is one of 16 bits, or the key is named", () => {
    expect(() => udp.parseOptions({ Type: "udp", Port: 65_536 }, ["v4"])).toThrow(/Backend.*Port is 65536/s);
  });
});

/** The plan passes it on. */
const NO_FORWARDING = {} as Parameters<typeof planUdp>[1];

describe("the device of udp", () => {
  const NODE = sampleNode();
  const withoutV6 = { ...NODE, iface: { ...NODE.iface, ips: { ...NODE.iface.ips, v6: null } } };
  const route = { via: null, iface: "flannel0", onlink: false, protocol: 3, mtuBytes: null };

  it("carries both families, each with the address of its subnet and a route for the whole network", () => {
    expect(tunnelState(tunnelOf(NODE))).toEqual({
      ...EMPTY_STATE,
      links: [{ kind: "tun", name: "flannel0", mtuBytes: 1452 }],
      addresses: [
        { iface: "flannel0", ip: "10.244.1.0", length: 32 },
        { iface: "flannel0", ip: "fd00:10:244:1::", length: 128 },
      ],
      routes: [
        { ...route, dst: "10.244.0.0/16" },
        { ...route, dst: "fd00:10:244::/48" },
      ],
      sysctls: [
        { path: "net/ipv6/conf/flannel0/accept_ra", value: "0" },
        { path: "net/ipv4/conf/flannel0/accept_local", value: "1" },
        { path: "net/ipv4/conf/flannel0/rp_filter", value: "2" },
      ],
    });
  });

  it("carries no family that the underlay, the lease or the configuration lacks", () => {
    for (const node of [
      withoutV6,
      { ...NODE, subnets: { ...NODE.subnets, v6: null } },
      { ...NODE, networks: { ...NODE.networks, v6: null } },
    ]) {
      const { addresses, routes } = tunnelState(tunnelOf(node));
      expect(addresses.map(({ ip }) => ip)).toEqual(["10.244.1.0"]);
      expect(routes.map(({ dst }) => dst)).toEqual(["10.244.0.0/16"]);
    }
    const withoutV4 = { ...NODE, iface: { ...NODE.iface, ips: { ...NODE.iface.ips, v4: null } } };
    expect(tunnelOf(withoutV4).subnets).toEqual({ v4: null, v6: NODE.subnets.v6 });
  });

  it("leaves room for the larger outer header that it may get", () => {
    expect(tunMtuBytes(NODE)).toBe(1452);
    expect(tunMtuBytes(withoutV6)).toBe(1472);
    expect(tunMtuBytes({ ...NODE, networks: { ...NODE.networks, v6: null } })).toBe(1472);
  });

  it("is refused where that leaves too little for the family", () => {
    const narrow = (node: typeof NODE, mtuBytes: number) =>
      refuseTunMtu({ ...node, iface: { ...node.iface, mtuBytes } });
    expect(narrow(NODE, 1328)).toBeNull();
    expect(narrow(NODE, 1327)).toMatch(/1327, leaves 1279 bytes; raise it to at least 1328/);
    expect(narrow(withoutV6, 96)).toBeNull();
    expect(narrow(withoutV6, 95)).toMatch(/95, leaves 67 bytes; raise it to at least 96/);
  });

  it("is no way for bare packets, and no tunnel of the kernel's", () => {
    expect(planUdp(NODE, NO_FORWARDING).origins).toEqual({ arrivesBare: false, tunnels: [] });
  });
});
