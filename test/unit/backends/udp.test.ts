import { describe, expect, it } from "vitest";
import { NO_DATA } from "../../../backends/backend.ts";
import { udp } from "../../../backends/udp/index.ts";
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
