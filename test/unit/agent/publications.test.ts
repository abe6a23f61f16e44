import { describe, expect, it } from "vitest";
import { type Publication, Publications } from "../../../src/agent/publications.ts";
import type { BackendOffer, Lease, LeaseSnapshot } from "../../../src/lease/lease.ts";
import { parseIpv4, parseIpv4Prefix } from "../../../src/net/index.ts";

const OWN = "10.244.1.0-24";
const none = { v4: null, v6: null };
const hostGw: BackendOffer = { type: "host-gw", data: none };
const udp: BackendOffer = { type: "udp", data: none };

function publication(offers: Publication["content"]["offers"]): Publication {
  return { content: { publicIps: { v4: parseIpv4("198.18.1.1"), v6: null }, offers }, backends: [] };
}

function snapshotOf({ content }: Publication, key = OWN): LeaseSnapshot {
  const subnets = { v4: parseIpv4Prefix("10.244.1.0/24"), v6: null };
  // As a store reads it back: equal, and another object.
  const lease: Lease = { key, subnets, claimedAt: 1n, ...structuredClone(content) };
  return { leases: [lease], junk: [] };
}

describe("Publications", () => {
  const old = publication([hostGw]);
  const changed = publication([udp, hostGw]);

  it("has nothing at first", () => {
    const publications = new Publications();
    expect(publications.newest).toBeNull();
    expect(publications.heldBy(snapshotOf(old), OWN)).toBeNull();
  });

  it("holds on to what everybody knows until the store hands out the newer one", () => {
    const publications = new Publications();
    publications.add(old);
    publications.add(changed);
    expect(publications.newest).toBe(changed);
    expect(publications.heldBy(snapshotOf(old), OWN)).toBe(old);
    expect(publications.heldBy(snapshotOf(changed), OWN)).toBe(changed);
  });

  it("takes the later of two that say the same: its options are the newer ones", () => {
    const publications = new Publications();
    const again = publication([hostGw]);
    publications.add(old);
    publications.add(again);
    expect(publications.heldBy(snapshotOf(old), OWN)).toBe(again);
  });

  it("takes the newest when the snapshot holds another's lease only, or one from before a restart", () => {
    const publications = new Publications();
    publications.add(changed);
    expect(publications.heldBy(snapshotOf(old, "10.244.2.0-24"), OWN)).toBe(changed);
    expect(publications.heldBy(snapshotOf(old), OWN)).toBe(changed);
  });

  it("forgets what is long past", () => {
    const publications = new Publications();
    publications.add(old);
    const later = ["a", "b", "c", "d", "e", "f", "g", "h"].map((type) => publication([{ type, data: none }]));
    for (const each of later) publications.add(each);
    expect(publications.heldBy(snapshotOf(old), OWN)).toBe(later.at(-1));
  });
});
