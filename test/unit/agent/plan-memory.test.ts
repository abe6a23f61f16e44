import { expect, it } from "vitest";
import { networkRules, planNetwork } from "../../../src/agent/network-plan.ts";
import { PlanMemory } from "../../../src/agent/plan-memory.ts";
import { activateBackend, offersOf } from "../../../src/agent/switch-over/active-backend.ts";
import { parseNetworkConfig } from "../../../src/config/network-config.ts";
import type { Lease } from "../../../src/lease/lease.ts";
import { parseMac } from "../../../src/net/index.ts";
import { sampleNode, samplePeer, vtepIdentity } from "../../support/sample-node.ts";

const node = sampleNode();

it.each(["vxlan", "host-gw", "ipip"])("a peer keeps its objects until its lease changes: %s", (Type) => {
  const config = parseNetworkConfig(JSON.stringify({ Network: "10.244.0.0/16", Backend: { Type } }), "test");
  const backends = [activateBackend(config)];
  const leases = [2, 3].map((number): Lease => {
    const { key, subnets, publicIps } = samplePeer(number);
    const mac = parseMac(`02:00:00:00:04:0${number}`);
    const identities = vtepIdentity({ v4: mac, v6: mac });
    const host = { ...node, publicIps, identities, iface: { ...node.iface, ips: publicIps } };
    const offers = offersOf(backends, host);
    return {
      key,
      claimedAt: 1n,
      offers,
      subnets: { v4: subnets.v4, v6: null },
      publicIps: { v4: publicIps.v4, v6: null },
    };
  });
  const memory = new PlanMemory();
  const plan = (mtuBytes: number, ...current: readonly Lease[]) =>
    planNetwork(
      { leases: current, junk: [] },
      {
        node: { ...node, iface: { ...node.iface, mtuBytes } },
        ownKey: "own",
        rules: networkRules(config, false),
        receiving: backends,
        published: backends,
        checksReversePath: false,
        keepsBlackholes: false,
        memory,
      },
    );
  const [one, two] = leases as [Lease, Lease];
  const first = plan(1500, one, two);
  const second = plan(1500, one, { ...two });
  expect(second).toEqual(first);
  const isSame = (later: typeof first) => ({
    routes: later.state.routes.map((route, index) => route === first.state.routes[index]),
    paths: later.paths.map((path, index) => path === first.paths[index]),
    peers: later.peers.map((peer, index) => peer === first.peers[index]),
  });
  expect(isSame(second)).toEqual({ routes: [true, false], paths: [true, false], peers: [true, false] });
  const onOtherHost = plan(1400, one, two);
  expect(isSame(onOtherHost)).toEqual({
    routes: [false, false],
    paths: [false, false],
    peers: [false, false],
  });
});
