import { describe, expect, it } from "vitest";
import { type ActiveBackend, activateBackend, offersOf } from "../../../src/agent/active-backend.ts";
import { networkRules, planNetwork } from "../../../src/agent/network-plan.ts";
import { parseNetworkConfig } from "../../../src/config/network-config.ts";
import type { Lease } from "../../../src/lease/lease.ts";
import type { JsonObject } from "../../../src/runtime/json.ts";
import { sampleNode, samplePeer } from "../../support/sample-node.ts";

const configOf = (backend: JsonObject) =>
  parseNetworkConfig(JSON.stringify({ Network: "10.244.0.0/16", Backend: backend }), "test");
const backend = (options: JsonObject) => activateBackend(configOf(options));
const VXLAN = backend({ Type: "vxlan" });
const DIRECT = backend({ Type: "vxlan", DirectRouting: true });
const HOST_GW = backend({ Type: "host-gw" });

/** Node 2, which receives on these, its preferred one first. */
function peer(...receiving: readonly ActiveBackend[]): Lease {
  const { subnets, publicIps } = samplePeer(2);
  const host = { ...sampleNode(), publicIps, iface: { ...sampleNode().iface, ips: publicIps } };
  return {
    key: "peer2",
    subnets: { v4: subnets.v4, v6: null },
    publicIps: { v4: publicIps.v4, v6: null },
    claimedAt: 1n,
    offers: offersOf(receiving, host),
  };
}

function planFor(receiving: readonly ActiveBackend[], published: readonly ActiveBackend[], lease: Lease) {
  const { subnets, ...node } = sampleNode();
  const rules = networkRules(configOf({ Type: "vxlan" }), false);
  const local = { ...node, subnets: { v4: subnets.v4, v6: null } };
  return planNetwork(
    { leases: [lease], junk: [] },
    { node: local, ownKey: "own", rules, receiving, published, keepsBlackholes: false },
  );
}

const toPeer = ({ state }: ReturnType<typeof planFor>) => ({
  route: state.routes.map(({ iface }) => iface),
  fdb: state.fdb.map(({ remote }) => remote),
  neighbours: state.neighbours.map(({ ip }) => ip),
});

describe("planNetwork", () => {
  it("has a tunnel ready for a peer that may turn to it, and leaves the route where it is", () => {
    const plan = planFor([VXLAN, HOST_GW], [VXLAN, HOST_GW], peer(HOST_GW, VXLAN));
    expect(plan.paths).toMatchObject([{ channel: "vxlan 1" }]);
    const behind = planFor([VXLAN, HOST_GW], [HOST_GW], peer(VXLAN, HOST_GW));
    expect(behind.paths).toMatchObject([{ channel: "host-gw" }]);
    expect(toPeer(behind)).toEqual({ route: ["eth0"], fdb: ["198.18.1.2"], neighbours: ["10.244.2.0"] });
  });

  it("has it ready where the peer still routes directly, too", () => {
    const plan = planFor([VXLAN], [DIRECT], peer(DIRECT));
    expect(toPeer(plan)).toEqual({ route: ["eth0"], fdb: ["198.18.1.2"], neighbours: ["10.244.2.0"] });
  });

  it("makes nothing for a backend that the peer does not offer", () => {
    const plan = planFor([HOST_GW, VXLAN], [HOST_GW, VXLAN], peer(HOST_GW));
    expect(toPeer(plan)).toEqual({ route: ["eth0"], fdb: [], neighbours: [] });
  });

  it("lets bare packets in before peers hear that they may send them, and as long as they may", () => {
    const origins = (receiving: ActiveBackend, published: ActiveBackend) =>
      planFor([receiving], [published], peer(VXLAN)).origins.direct !== null;
    expect(origins(DIRECT, VXLAN)).toBe(true);
    expect(origins(VXLAN, DIRECT)).toBe(true);
    expect(origins(VXLAN, VXLAN)).toBe(false);
  });

  it("tells of leases without a path, and why", () => {
    const { unreached, paths } = planFor([HOST_GW], [HOST_GW], peer(VXLAN));
    expect(paths).toEqual([]);
    expect(unreached).toEqual([
      { peer: "peer2", family: null, code: "foreign-backend", reason: expect.stringContaining('"vxlan"') },
    ]);
  });
});
