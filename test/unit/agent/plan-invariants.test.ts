import { describe, expect, it } from "vitest";
import { planViolations } from "../../../src/agent/invariants/plan-invariants.ts";
import { EMPTY_STATE, type KernelState } from "../../../src/kernel/state.ts";
import type { Lease } from "../../../src/lease/lease.ts";
import { parseIpv4, parsePrefix } from "../../../src/net/index.ts";
import { content } from "../../support/lease-fixtures.ts";
import { stateOfPeers } from "../../support/many-peers.ts";
import { sampleNode, samplePeer } from "../../support/sample-node.ts";

const OWN_KEY = "own";
const [first, second] = [samplePeer(2), samplePeer(3)];
const iface = "flannel.1";
const routeTo = (dst: string): KernelState["routes"][number] => {
  return { dst: parsePrefix(dst), via: null, iface, onlink: true, protocol: 3, mtuBytes: null };
};

function leaseOf({ key, subnets, publicIps }: typeof first): Lease {
  return { ...content(null), key, subnets, publicIps, claimedAt: 1n };
}
const basis = {
  leases: [first, second].map(leaseOf),
  ownKey: OWN_KEY,
  ownSubnets: sampleNode().subnets,
  ownPart: { ...EMPTY_STATE, routes: [routeTo("10.244.0.0/16")] },
};
const state = (different: Partial<KernelState> = {}): KernelState => ({
  ...EMPTY_STATE,
  routes: [routeTo("10.244.0.0/16"), routeTo("10.244.2.0/24"), routeTo("10.244.3.0/24")],
  fdb: [{ iface, mac: stateOfPeers(1).fdb[0]?.mac ?? never(), remote: parseIpv4("198.18.1.2") }],
  neighbours: [{ iface, ip: parseIpv4("10.244.2.0"), mac: stateOfPeers(1).fdb[0]?.mac ?? never() }],
  ...different,
});
function never(): never {
  throw new Error("a state of one peer has an FDB entry");
}
const codes = (plan: Parameters<typeof planViolations>[0], leases = basis.leases) =>
  planViolations(plan, { ...basis, leases }).map(({ code, found }) => [code, found.length]);

describe("the invariants of a plan", () => {
  it("hold for peers with leases, and for the node's own objects", () => {
    expect(codes({ peers: [first, second], state: state() })).toEqual([]);
  });

  it.each([
    ["two peers", samplePeer(3, { key: "third" })],
    ["a peer and this node", { ...second, subnets: sampleNode().subnets }],
  ])("are violated when %s have one prefix", (_what, third) => {
    const leases = [...basis.leases, leaseOf(third)];
    const found = planViolations({ peers: [first, second, third], state: state() }, { ...basis, leases });
    expect(found[0]?.code).toBe("shared-prefix");
  });

  it("are violated by a peer without a lease, or with another one", () => {
    const moved = { ...second, subnets: samplePeer(9).subnets };
    expect(codes({ peers: [first, moved], state: state() })).toEqual([["unleased-object", 3]]);
    expect(codes({ peers: [first, second], state: state() }, [leaseOf(first)])).toEqual([
      ["unleased-object", 2],
    ]);
  });

  it.each<[string, Partial<KernelState>]>([
    ["route", { routes: [routeTo("10.244.9.0/24")] }],
    ["FDB entry", { fdb: [{ ...(state().fdb[0] ?? never()), remote: parseIpv4("198.18.1.9") }] }],
    ["neighbour", { neighbours: [{ ...(state().neighbours[0] ?? never()), ip: parseIpv4("10.244.9.0") }] }],
  ])("are violated by one %s that no lease has", (_what, different) => {
    expect(codes({ peers: [first, second], state: state(different) })).toEqual([["unleased-object", 1]]);
  });
});
