import { describe, expect, it } from "vitest";
import type { SwitchOverEffect } from "../../../src/agent/switch-over/effect.ts";
import { SwitchOverMachine } from "../../../src/agent/switch-over/machine.ts";
import { initialState } from "../../../src/agent/switch-over/state.ts";
import { type FakeBackend, fakeBackend, fakeContent, fakeLease } from "../../support/switch-over-bed.ts";
import { VirtualClock } from "../../support/virtual-clock.ts";

const vxlan = fakeBackend("vxlan 1");

function machine(carryOut: (effect: SwitchOverEffect<FakeBackend>) => void) {
  const state = initialState({
    preferred: vxlan,
    retained: [],
    lastLease: null,
    formerPeers: new Set(),
    isOffered: () => false,
    host: { supports: () => true, contentOf: (backends) => fakeContent(backends) },
  });
  return new SwitchOverMachine(state, new VirtualClock(), carryOut);
}

describe("the machine of the switch-over", () => {
  it("executes the effects of an event, and has its state then", () => {
    const kinds: string[] = [];
    const built = machine(({ kind }) => kinds.push(kind));
    expect(kinds).toEqual([]);
    built.dispatch({ kind: "time passed" });
    expect(kinds).toEqual(["retain", "publish"]);
    expect(built.state.requested?.backends).toEqual([vxlan]);
  });

  it("handles an event that an effect dispatches after the effects of the one before", () => {
    const order: string[] = [];
    const built = machine((effect) => {
      order.push(effect.kind);
      if (order.length === 1) built.dispatch({ kind: "configuration accepted", backend: fakeBackend("udp") });
      if (effect.kind === "publish" && built.state.lease === null)
        built.dispatch({
          kind: "lease published",
          advertisement: effect.advertisement,
          lease: fakeLease(effect.advertisement.content),
        });
    });
    built.dispatch({ kind: "time passed" });
    expect(order.slice(0, 4)).toEqual(["retain", "publish", "retain", "publish"]);
    expect(built.state.tracked.map(({ backend }) => backend.channel)).toEqual(["udp", "vxlan 1"]);
    expect(built.state.lease).not.toBeNull();
  });

  it("handles further events after an effect has failed", () => {
    let isBroken = true;
    const built = machine(() => {
      if (isBroken) throw new Error("broken");
    });
    expect(() => built.dispatch({ kind: "time passed" })).toThrow("broken");
    isBroken = false;
    built.dispatch({ kind: "configuration accepted", backend: fakeBackend("udp") });
    expect(built.state.tracked[0]?.backend.channel).toBe("udp");
  });
});
