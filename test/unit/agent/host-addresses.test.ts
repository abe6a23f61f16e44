import { describe, expect, test } from "vitest";
import { hostsInside } from "../../../src/agent/underlay/host-addresses.ts";
import { parseIpv4, parseIpv4Prefix, parsePrefix } from "../../../src/net/index.ts";
import { sampleNode } from "../../support/sample-node.ts";

const NONE = { v4: null, v6: null };
const ips = { v4: parseIpv4("10.0.2.15"), v6: null };
const NODE = {
  ...sampleNode(),
  iface: { name: "eth0", mtuBytes: 1500, ips },
  publicIps: ips,
  networks: { v4: parseIpv4Prefix("10.0.0.0/8"), v6: null },
  subnets: { v4: parseIpv4Prefix("10.20.1.0/24"), v6: null },
};

function hosts(links: Readonly<Record<string, string>>, peers: Readonly<Record<string, string>> = {}) {
  const underlay = Object.entries(links).map(([iface, dst]) => {
    return { dst: parsePrefix(dst), via: null, iface, metric: 0 };
  });
  const others = Object.entries(peers).map(([ip, subnet]) => ({
    publicIps: { ...NONE, v4: parseIpv4(ip) },
    subnets: { ...NONE, v4: parseIpv4Prefix(subnet) },
  }));
  return hostsInside({ ...NODE, underlay }, others).map(({ first, last }) => `${first}-${last}`);
}

describe("hosts inside the network are", () => {
  test("those of the links, and peers behind routers", () => {
    const peers = { "10.0.2.16": "10.20.5.0/24", "10.5.0.3": "10.20.6.0/24" };
    expect(hosts({ eth0: "10.0.2.0/24" }, peers)).toEqual(["10.0.2.0-10.0.2.255", "10.5.0.3-10.5.0.3"]);
  });

  test("those of a link less the pods that are routed elsewhere", () => {
    const peers = { "10.0.2.16": "10.20.5.0/24", "10.0.2.17": "10.20.2.0/24" };
    expect(hosts({ eth0: "10.0.0.0/9" }, peers)).toEqual([
      "10.0.0.0-10.20.0.255",
      "10.20.3.0-10.20.4.255",
      "10.20.6.0-10.127.255.255",
    ]);
  });

  test("of a link inside a leased subnet, for its own route is the more specific", () => {
    const peers = { "10.9.0.16": "10.9.0.0/24" };
    expect(hosts({ eth0: "10.9.0.0/24" }, peers)).toEqual(["10.9.0.0-10.9.0.255", "10.0.2.15-10.0.2.15"]);
    expect(hosts({ eth0: "10.9.0.0/25" }, peers)).toEqual(["10.9.0.0-10.9.0.127", "10.0.2.15-10.0.2.15"]);
  });

  test("not on a bridge of this node's pods", () => {
    expect(hosts({ nerdctl0: "10.20.1.0/24" })).toEqual(["10.0.2.15-10.0.2.15"]);
  });
});
