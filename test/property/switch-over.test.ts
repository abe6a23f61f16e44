/**
 * The switch-over of a node, whatever happens in whatever order: nothing is published that is not received on, no path turns
 * before peers know, nothing is dropped that a path uses or has just used, a restart keeps the paths, and in the end one
 * backend is left.
 */
import { isDeepStrictEqual } from "node:util";
import fc from "fast-check";
import { expect, test } from "vitest";
import { newestOf, PROPAGATION_DELAY_MS } from "../../src/agent/switch-over/advertisement-history.ts";
import { GRACE_MS } from "../../src/agent/switch-over/grace.ts";
import { activeBackends, preferredOf } from "../../src/agent/switch-over/state.ts";
import type { LeaseContent } from "../../src/lease/lease.ts";
import { runs } from "../support/property-runs.ts";
import { type FakeBackend, fakeBackend, SwitchOverBed } from "../support/switch-over-bed.ts";

const CHANNELS = ["vxlan 1", "vxlan 2", "host-gw", "udp"] as const;
type Channel = (typeof CHANNELS)[number];

type Step =
  | { readonly do: "accept"; readonly channel: Channel; readonly options: number }
  | {
      readonly do:
        | "plan"
        | "pass"
        | "retain"
        | "acknowledge"
        | "hand out"
        | "lose"
        | "settle"
        | "publish"
        | "restart";
    }
  | { readonly do: "wait"; readonly ms: number }
  | { readonly do: "break" | "repair"; readonly what: string }
  | { readonly do: "firewall"; readonly isSlow: boolean }
  | { readonly do: "peers"; readonly channels: readonly Channel[] }
  | { readonly do: "move"; readonly lastByte: number };

const channel = fc.constantFrom(...CHANNELS);
const part = fc.oneof(
  channel,
  channel.map((each) => `effect of ${each}`),
);
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ do: fc.constant("accept" as const), channel, options: fc.nat(1) }) },
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constantFrom("plan", "pass", "retain", "acknowledge", "hand out", "settle", "publish"),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("lose" as const) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("restart" as const) }) },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant("wait" as const),
      ms: fc.constantFrom(
        1,
        10,
        40,
        500,
        PROPAGATION_DELAY_MS - 1,
        PROPAGATION_DELAY_MS,
        5000,
        GRACE_MS - 1,
        GRACE_MS,
      ),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom("break", "repair"), what: part }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("firewall" as const), isSlow: fc.boolean() }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant("peers" as const),
      channels: fc.uniqueArray(channel, { minLength: 0, maxLength: 3 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant("move" as const), lastByte: fc.integer({ min: 1, max: 3 }) }),
  },
);

/** A node with what must hold of it, from its start over restarts to its end. */
class Watched {
  bed: SwitchOverBed;
  /** What the store hands out without a break, and since when. */
  #shown: { readonly content: LeaseContent | null; readonly sinceMs: number } = { content: null, sinceMs: 0 };
  #unshown = 0;
  /** Channels of a first lease, which waits for nothing, until the file is written: by this life or a later one. */
  #unretained: readonly string[] = [];
  /** When the last plan was made that took the channel. */
  readonly #lastUsedMs = new Map<string, number>();

  constructor(preferred: FakeBackend) {
    this.bed = this.#watch(new SwitchOverBed(preferred));
    this.#unretained = [preferred.channel];
  }

  take(each: Step): void {
    const { bed } = this;
    switch (each.do) {
      case "accept":
        bed.accept(fakeBackend(each.channel, each.options));
        break;
      case "plan":
        bed.plan();
        break;
      case "pass":
        bed.pass();
        break;
      case "retain":
        this.#retain();
        break;
      case "acknowledge":
        bed.acknowledge();
        // A store hands out what it has long before a node has written so often.
        if (++this.#unshown > 4) this.#deliver();
        break;
      case "hand out":
        this.#deliver();
        break;
      case "lose":
        bed.lose();
        break;
      case "settle":
        this.#settle();
        break;
      case "publish":
        this.#settle();
        bed.advance(50);
        this.#settle();
        break;
      case "restart":
        this.#restart();
        break;
      case "wait":
        bed.advance(each.ms);
        break;
      case "break":
        bed.broken.add(each.what);
        bed.report();
        break;
      case "repair":
        bed.broken.delete(each.what);
        bed.report();
        break;
      case "firewall":
        bed.isFirewallSlow = each.isSlow;
        bed.report();
        break;
      case "peers":
        bed.peers = each.channels;
        this.#deliver();
        break;
      case "move":
        bed.moveHost({ lastByte: each.lastByte });
        break;
    }
  }

  /** Nothing fails any more, and all peers are on what is preferred. */
  comeToRest(): void {
    const { bed } = this;
    bed.broken.clear();
    bed.isFirewallSlow = false;
    bed.peers = [preferredOf(bed.state).channel];
    this.#deliver();
    for (let passedMs = 0; passedMs < GRACE_MS + 10 * PROPAGATION_DELAY_MS; passedMs += 500) {
      this.#settle();
      bed.advance(500);
    }
    const { channel: last } = preferredOf(bed.state);
    expect(bed.active).toEqual([last]);
    expect(bed.inForce).toEqual([last]);
    expect(bed.stored?.offers.map(({ type }) => type)).toEqual([last]);
    expect(bed.state.tracked.map(({ phase }) => phase)).toEqual(["in force"]);
    expect(bed.retained.map((each) => each.channel)).toEqual([last]);
  }

  #settle(): void {
    this.bed.plan();
    this.bed.pass();
    this.#retain();
    this.bed.acknowledge();
    this.#deliver();
    this.bed.plan();
  }

  #retain(): void {
    this.#unretained = [];
    this.bed.retain();
  }

  #deliver(): void {
    const { bed } = this;
    this.#unshown = 0;
    if (!isDeepStrictEqual(bed.stored, this.#shown.content)) {
      this.#shown = { content: bed.stored, sinceMs: bed.nowMs };
    }
    bed.deliver();
  }

  /** Killed, and started again on what the file and the store have, with the newest configuration. */
  #restart(): void {
    const { bed } = this;
    const { stored, retained, used } = bed;
    const known = stored?.offers.map(({ type }) => type) ?? [];
    const next = new SwitchOverBed(preferredOf(bed.state), { retained, stored });
    const first = next.published[0]?.backends.map((each) => each.channel) ?? [];
    const kept = [...used].filter((each) => known.includes(each) && !this.#unretained.includes(each));
    expect(next.active).toEqual(expect.arrayContaining(kept));
    expect(first).toEqual(expect.arrayContaining(kept));
    next.peers = bed.peers;
    this.#shown = { content: stored, sinceMs: 0 };
    this.#lastUsedMs.clear();
    if (newestOf(next.state.history) === null) this.#unretained = first;
    this.bed = this.#watch(next);
  }

  #watch(bed: SwitchOverBed): SwitchOverBed {
    bed.onEvent = (event, before) => {
      if (event.kind === "planned") {
        // Until now they were used as well.
        for (const each of [...before.used, ...event.used]) this.#lastUsedMs.set(each, bed.nowMs);
      }
      this.#compare(bed, before, event.kind === "configuration accepted");
    };
    bed.onEffect = (effect) => {
      if (effect.kind !== "publish") return;
      const newest = newestOf(bed.state.history);
      if (newest === null) {
        this.#unretained = effect.advertisement.backends.map((each) => each.channel);
        return;
      }
      for (const backend of effect.advertisement.backends) {
        const isKnown = newest.backends.includes(backend);
        expect(isKnown || bed.receives(backend), `${backend.channel} is published`).toBe(true);
      }
    };
    return bed;
  }

  /** What one event has changed. */
  #compare(bed: SwitchOverBed, before: SwitchOverBed["state"], isAccepted: boolean): void {
    const { inForce } = bed.state.history;
    const earlier = before.history.inForce;
    // The same published again makes nobody turn.
    if (earlier !== null && !isDeepStrictEqual(inForce?.content, earlier.content)) {
      expect(inForce?.content).toEqual(this.#shown.content);
      const kept = earlier.backends.filter((each) => inForce?.backends.includes(each));
      // One that only withdraws makes nobody turn either.
      const onlyWithdraws =
        kept.length < earlier.backends.length && isDeepStrictEqual(kept, inForce?.backends);
      if (!onlyWithdraws)
        expect(bed.nowMs - this.#shown.sinceMs).toBeGreaterThanOrEqual(PROPAGATION_DELAY_MS);
    }
    if (isAccepted) return;
    const active = activeBackends(bed.state);
    for (const { channel: dropped } of activeBackends(before).filter((each) => !active.includes(each))) {
      const lastUsedMs = this.#lastUsedMs.get(dropped) ?? Number.NEGATIVE_INFINITY;
      expect(bed.used.has(dropped), `${dropped} is in use`).toBe(false);
      expect(bed.nowMs - lastUsedMs).toBeGreaterThanOrEqual(GRACE_MS);
    }
  }
}

test("a node keeps its promises whatever happens, and comes to rest on one backend", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60, size: "max" }), (steps) => {
      const node = new Watched(fakeBackend("vxlan 1"));
      for (const each of steps) node.take(each);
      node.comeToRest();
    }),
    runs(2000),
  );
});
