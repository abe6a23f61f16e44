import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { BACKENDS } from "../../../backends/registry.ts";
import { offerReader } from "../../../src/agent/offer-reader.ts";
import {
  type ActiveBackend,
  activateBackend,
  offersOf,
} from "../../../src/agent/switch-over/active-backend.ts";
import { choosePath } from "../../../src/agent/switch-over/path-choice.ts";
import { parseNetworkConfig } from "../../../src/config/network-config.ts";
import { accept } from "../../../src/lease/accept.ts";
import type { BackendOffer, Lease } from "../../../src/lease/lease.ts";
import { sampleNode, samplePeer } from "../../support/sample-node.ts";

const NAMES = ["vxlan", "host-gw", "udp", "vxlan 7"] as const;
type Name = (typeof NAMES)[number];

function backend(name: Name): ActiveBackend {
  const [type, vni] = name.split(" ");
  const options = vni === undefined ? { Type: type } : { Type: type, VNI: Number(vni) };
  return activateBackend(
    parseNetworkConfig(JSON.stringify({ Network: "10.244.0.0/16", Backend: options }), "test"),
  );
}

/** The path from node `from` to a node that published `offers`. */
function pathTo(own: readonly Name[], offers: readonly [BackendOffer, ...BackendOffer[]], number = 2) {
  const { subnets, publicIps } = samplePeer(number);
  const lease: Lease = {
    key: "peer",
    subnets: { v4: subnets.v4, v6: null },
    publicIps,
    claimedAt: 1n,
    offers,
  };
  const { subnets: ownSubnets, publicIps: ownIps } = sampleNode();
  const { peers } = accept(
    { leases: [lease], junk: [] },
    {
      rules: { v4: { network: sampleNode().networks.v4 ?? fail(), subnetLength: 24 }, v6: null },
      own: { key: null, subnets: ownSubnets, publicIps: ownIps },
      read: offerReader(BACKENDS),
      refuse: () => null,
      holders: null,
    },
  );
  const [accepted] = peers;
  return accepted === undefined ? null : choosePath(own.map(backend), accepted);
}

function fail(): never {
  throw new Error("the sample node has IPv4");
}

const offers = (names: readonly Name[]) => offersOf(names.map(backend), sampleNode());
const channel = (own: readonly Name[], peer: readonly Name[]) =>
  pathTo(own, offers(peer))?.backend.channel ?? null;

describe("choosePath", () => {
  it.each<[Name[], Name[], string | null, string]>([
    [["vxlan"], ["vxlan"], "vxlan 1", "what both prefer"],
    [["host-gw", "vxlan"], ["vxlan"], "vxlan 1", "this node is ahead"],
    [["vxlan"], ["host-gw", "vxlan"], "vxlan 1", "the peer is ahead"],
    [["host-gw", "vxlan"], ["host-gw", "vxlan"], "host-gw", "both have changed"],
    [["udp", "host-gw", "vxlan"], ["host-gw", "vxlan"], "host-gw", "the peer is behind: what they were on"],
    [["host-gw", "vxlan"], ["udp", "host-gw", "vxlan"], "host-gw", "this node is behind: what they were on"],
    [["udp", "host-gw"], ["host-gw", "udp"], "host-gw", "each prefers what the other has: the order of all"],
    [["udp", "vxlan 7", "host-gw"], ["host-gw", "udp"], "host-gw", "what only one has does not count"],
    [["vxlan 7", "vxlan"], ["vxlan"], "vxlan 1", "another VNI is another channel"],
    [["vxlan 7", "vxlan"], ["vxlan", "vxlan 7"], "vxlan 1", "two channels of one backend: by their names"],
    [["vxlan 7"], ["vxlan"], null, "nothing in common"],
    [["udp"], ["host-gw"], null, "nothing in common"],
  ])("%j to %j: %s (%s)", (own, peer, expected, _why) => {
    expect(channel(own, peer)).toBe(expected);
  });

  it.each<[Name[], Name[], string]>([
    [["vxlan"], ["vxlan", "udp"], "preferred by both"],
    [["vxlan", "udp"], ["vxlan"], "preferred by both"],
    [["udp", "vxlan"], ["vxlan"], "the peer's only one"],
    [["vxlan"], ["udp", "vxlan"], "the best that both accept"],
    [["udp", "vxlan"], ["vxlan", "host-gw"], "the best that both accept"],
  ])("%j to %j is %s", (own, peer, reason) => {
    expect(pathTo(own, offers(peer))?.reason).toBe(reason);
  });

  it("takes a flannel node by the one type that it names", () => {
    const flannel = { type: "vxlan", data: { v4: { VNI: 1, VtepMAC: "02:00:00:00:00:09" }, v6: null } };
    const path = pathTo(["host-gw", "vxlan"], [flannel]);
    expect(path).toMatchObject({ backend: { channel: "vxlan 1" }, reason: "the peer's only one" });
    expect(pathTo(["host-gw"], [flannel])).toBeNull();
  });

  it("is the same seen from both ends, whatever they have published", () => {
    const published = fc.uniqueArray(fc.constantFrom(...NAMES), { minLength: 1 });
    fc.assert(
      fc.property(published, published, (one, other) => {
        expect(channel(one, other)).toBe(channel(other, one));
      }),
    );
  });

  it("finds a path whenever there is one", () => {
    const published = fc.uniqueArray(fc.constantFrom(...NAMES), { minLength: 1 });
    fc.assert(
      fc.property(published, published, (one, other) => {
        expect(channel(one, other) !== null).toBe(one.some((name) => other.includes(name)));
      }),
    );
  });
});
