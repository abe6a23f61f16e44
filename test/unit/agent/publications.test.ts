import { describe, expect, it } from "vitest";
import { type Publication, Publications } from "../../../src/agent/switch-over/publications.ts";
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

const SECOND = 1000;

/** Publications, and what is in force for them when the store hands this out. */
function told(...added: readonly Publication[]) {
  const publications = new Publications();
  for (const each of added) publications.add(each);
  return {
    publications,
    at: (snapshot: LeaseSnapshot, nowMs = 0) => publications.inForce(snapshot, OWN, nowMs),
  };
}

describe("Publications", () => {
  const old = publication([hostGw]);
  const changed = publication([udp, hostGw]);

  it("outlives a lease of its own key that would be too long if it was written again", () => {
    const { at } = told(old);
    const data = { v4: new Array<number>(790).fill(1e20), v6: null };
    const hostile = publication([{ type: "vxlan", data }]);
    expect(at(snapshotOf(hostile))).toEqual({ publication: old, untilMs: null });
  });

  it("has nothing at first", () => {
    const { publications, at } = told();
    expect(publications.newest).toBeNull();
    expect(at(snapshotOf(old))).toEqual({ publication: null, untilMs: null });
  });

  it("holds on to what everybody knows until all have had time to hear of the newer one", () => {
    const { publications, at } = told(old);
    expect(at(snapshotOf(old))).toEqual({ publication: old, untilMs: null });
    publications.add(changed);
    expect(publications.newest).toBe(changed);
    expect(at(snapshotOf(old), 5 * SECOND)).toEqual({ publication: old, untilMs: null });
    expect(at(snapshotOf(changed), 6 * SECOND)).toEqual({ publication: old, untilMs: 7 * SECOND });
    expect(at(snapshotOf(changed), 7 * SECOND - 1)).toEqual({ publication: old, untilMs: 7 * SECOND });
    expect(at(snapshotOf(changed), 7 * SECOND)).toEqual({ publication: changed, untilMs: null });
  });

  it("starts over when there is a yet newer one, and stops when the change is taken back", () => {
    const { publications, at } = told(old);
    at(snapshotOf(old));
    publications.add(changed);
    at(snapshotOf(changed), SECOND);
    const third = publication([udp]);
    publications.add(third);
    expect(at(snapshotOf(third), 1.5 * SECOND)).toEqual({ publication: old, untilMs: 2.5 * SECOND });
    expect(at(snapshotOf(old), 2 * SECOND)).toEqual({ publication: old, untilMs: null });
    expect(at(snapshotOf(third), 3 * SECOND)).toEqual({ publication: old, untilMs: 4 * SECOND });
  });

  it("waits for nobody with its first word, nor with the last of the process before", () => {
    const { at } = told(old, changed);
    expect(at(snapshotOf(changed))).toEqual({ publication: changed, untilMs: null });
  });

  it("takes the later of two that say the same: its options are the newer ones", () => {
    const again = publication([hostGw]);
    expect(told(old, again).at(snapshotOf(old)).publication).toBe(again);
  });

  it("takes the newest when the snapshot holds another's lease only, or one from before a restart", () => {
    expect(told(changed).at(snapshotOf(old, "10.244.2.0-24")).publication).toBe(changed);
    expect(told(changed).at(snapshotOf(old)).publication).toBe(changed);
  });

  it("forgets what is long past", () => {
    const later = ["a", "b", "c", "d", "e", "f", "g", "h"].map((type) => publication([{ type, data: none }]));
    expect(told(old, ...later).at(snapshotOf(old)).publication).toBe(later.at(-1));
  });
});
