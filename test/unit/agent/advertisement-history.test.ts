import { describe, expect, it } from "vitest";
import {
  type Advertisement,
  type AdvertisementHistory,
  handedOut,
  isNamed,
  newestOf,
  propagate,
  recordAdvertisement,
  startHistory,
} from "../../../src/agent/switch-over/advertisement-history.ts";
import type { LeaseContent } from "../../../src/lease/lease.ts";
import { parseIpv4 } from "../../../src/net/index.ts";
import { fakeContent } from "../../support/switch-over-bed.ts";

const SECOND = 1000;

function advertisement(...channels: readonly string[]): Advertisement<string> {
  return { content: fakeContent(channels.map((channel) => ({ channel, options: 0 }))), backends: channels };
}

/** Each was acknowledged in this order; the store then hands out other content. */
class Told {
  history: AdvertisementHistory<string>;

  constructor(...acknowledged: readonly Advertisement<string>[]) {
    this.history = acknowledged.reduce(recordAdvertisement<string>, startHistory<string>(null));
  }

  add(acknowledged: Advertisement<string>): void {
    this.history = recordAdvertisement(this.history, acknowledged);
  }

  /** @returns what is in force then, and when that changes by time alone */
  at(own: LeaseContent | null, nowMs = 0) {
    const handed = handedOut(this.history, own === null ? null : structuredClone(own));
    this.history = propagate(this.history, handed, nowMs);
    const { inForce, pending } = this.history;
    return { inForce, untilMs: pending?.fromMs ?? null };
  }
}

describe("the history of what a node has published", () => {
  const old = advertisement("host-gw");
  const changed = advertisement("udp", "host-gw");

  it("outlives a lease of its own key that would be too long if it was written again", () => {
    const data = { v4: new Array<number>(790).fill(1e20), v6: null };
    const hostile: LeaseContent = { ...old.content, offers: [{ type: "vxlan", data }] };
    expect(new Told(old).at(hostile)).toEqual({ inForce: old, untilMs: null });
  });

  it("has nothing at first", () => {
    const told = new Told();
    expect(newestOf(told.history)).toBeNull();
    expect(told.at(old.content)).toEqual({ inForce: null, untilMs: null });
  });

  it("begins with what the store has of an earlier life", () => {
    expect(newestOf(startHistory(old))).toBe(old);
  });

  it("holds on to what all peers know for the propagation delay of the newer one", () => {
    const told = new Told(old);
    expect(told.at(old.content)).toEqual({ inForce: old, untilMs: null });
    told.add(changed);
    expect(newestOf(told.history)).toBe(changed);
    expect(told.at(old.content, 5 * SECOND)).toEqual({ inForce: old, untilMs: null });
    expect(told.at(changed.content, 6 * SECOND)).toEqual({ inForce: old, untilMs: 7 * SECOND });
    expect(told.at(changed.content, 7 * SECOND - 1)).toEqual({ inForce: old, untilMs: 7 * SECOND });
    expect(told.at(changed.content, 7 * SECOND)).toEqual({ inForce: changed, untilMs: null });
  });

  it("comes to force at once where it only withdraws: no path has to switch", () => {
    const both = advertisement("host-gw", "udp");
    const told = new Told(both);
    told.at(both.content);
    for (const fewer of [advertisement("udp"), advertisement("host-gw")]) {
      const from = new Told(both);
      from.at(both.content);
      from.add(fewer);
      expect(from.at(fewer.content, SECOND)).toEqual({ inForce: fewer, untilMs: null });
    }
    const swapped = advertisement("udp", "host-gw");
    told.add(swapped);
    expect(told.at(swapped.content, SECOND)).toEqual({ inForce: both, untilMs: 2 * SECOND });
  });

  it("starts the delay over for a yet newer one, and ends it when the change is taken back", () => {
    const told = new Told(old);
    told.at(old.content);
    told.add(changed);
    told.at(changed.content, SECOND);
    const third = advertisement("udp");
    told.add(third);
    expect(told.at(third.content, 1.5 * SECOND)).toEqual({ inForce: old, untilMs: 2.5 * SECOND });
    expect(told.at(old.content, 2 * SECOND)).toEqual({ inForce: old, untilMs: null });
    expect(told.at(third.content, 3 * SECOND)).toEqual({ inForce: old, untilMs: 4 * SECOND });
  });

  it("delays neither the first lease nor the last one of the process before", () => {
    expect(new Told(old, changed).at(changed.content)).toEqual({ inForce: changed, untilMs: null });
  });

  it("takes the later of two with the same content: its options are the newer ones", () => {
    const again = advertisement("host-gw");
    expect(new Told(old, again).at(old.content).inForce).toBe(again);
  });

  it("takes the newest when the snapshot has no lease of this node, or one from before a restart", () => {
    expect(new Told(changed).at(null).inForce).toBe(changed);
    expect(new Told(changed).at(old.content).inForce).toBe(changed);
  });

  it("stays with what is in force, or is to come, while the snapshot is older than the first lease", () => {
    const told = new Told(old);
    told.at(null);
    told.add(changed);
    expect(told.at(null, SECOND)).toEqual({ inForce: old, untilMs: null });
    expect(told.at(changed.content, 6 * SECOND)).toEqual({ inForce: old, untilMs: 7 * SECOND });
    expect(told.at(null, 6.5 * SECOND)).toEqual({ inForce: old, untilMs: 7 * SECOND });
  });

  it("knows a lease again whose addresses the store has replaced, as by an operator's annotation", () => {
    const replaced = ({ content }: Advertisement<string>): LeaseContent => ({
      ...content,
      publicIps: { v4: parseIpv4("203.0.113.1"), v6: null },
    });
    const told = new Told(old);
    expect(told.at(replaced(old))).toEqual({ inForce: old, untilMs: null });
    told.add(changed);
    expect(told.at(replaced(changed), 5 * SECOND)).toEqual({ inForce: old, untilMs: 6 * SECOND });
    expect(told.at(replaced(changed), 6 * SECOND)).toEqual({ inForce: changed, untilMs: null });
  });

  it("does not go back to a lease that is older than the one in force, from a replica that lags", () => {
    const told = new Told(old, changed);
    told.at(changed.content);
    expect(told.at(old.content, SECOND)).toEqual({ inForce: changed, untilMs: null });
    expect(told.at(old.content, 9 * SECOND)).toEqual({ inForce: changed, untilMs: null });
  });

  it("begins with the one that the first snapshot has, however many are newer", () => {
    expect(new Told(old, changed, advertisement("udp")).at(old.content).inForce).toBe(old);
  });

  it("waits for the lease with a new address where only the address has changed", () => {
    const moved = { content: fakeContent([{ channel: "host-gw", options: 0 }], 2), backends: old.backends };
    const told = new Told(old);
    told.at(old.content);
    told.add(moved);
    expect(told.at(old.content, SECOND)).toEqual({ inForce: old, untilMs: null });
    expect(told.at(moved.content, SECOND)).toEqual({ inForce: old, untilMs: 2 * SECOND });
  });

  it("stays as it is where the store has handed out nothing", () => {
    const told = new Told(old);
    told.at(old.content);
    expect(propagate(told.history, null, SECOND)).toBe(told.history);
  });

  it("forgets what is long past", () => {
    const later = ["a", "b", "c", "d", "e", "f", "g", "h"].map((type) => advertisement(type));
    expect(new Told(old, ...later).at(old.content).inForce).toBe(later.at(-1));
  });

  it("names what peers may have read before the newest, until the newest is in force", () => {
    const told = new Told(old);
    told.at(old.content);
    const between = advertisement("vxlan");
    const newest = advertisement("ipip");
    told.add(between);
    told.add(newest);
    const named = () => ["host-gw", "vxlan", "ipip"].filter((each) => isNamed(told.history, each));
    expect(named()).toEqual(["host-gw", "vxlan", "ipip"]);
    told.at(newest.content, SECOND);
    told.at(newest.content, 3 * SECOND);
    expect(named()).toEqual(["ipip"]);
  });

  it("names all that was published, while none is in force", () => {
    const { history } = new Told(old, advertisement("udp"), advertisement("vxlan"));
    expect(["host-gw", "udp", "vxlan", "ipip"].filter((each) => isNamed(history, each))).toEqual([
      "host-gw",
      "udp",
      "vxlan",
    ]);
  });

  it("names what peers may know: the newest, what is in force, and what comes", () => {
    const told = new Told(old);
    told.at(old.content);
    told.add(changed);
    told.at(changed.content, SECOND);
    told.add(advertisement("vxlan"));
    expect(["host-gw", "udp", "vxlan", "other"].map((each) => isNamed(told.history, each))).toEqual([
      true,
      true,
      true,
      false,
    ]);
  });
});
