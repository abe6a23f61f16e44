import { describe, expect, it } from "vitest";
import { plannedBackends } from "../../../src/agent/switch-over/state.ts";
import { fakeBackend, SwitchOverBed } from "../../support/switch-over-bed.ts";

const receivingOptions = (bed: SwitchOverBed) =>
  plannedBackends(bed.state)?.receiving.map(({ options }) => options);

/** The simulator found packets dropped between two changes of options, seed 1, history 2. */
describe("a second change of options before the first one is in force", () => {
  function changedTwice(): SwitchOverBed {
    const bed = new SwitchOverBed(fakeBackend("vxlan 1", 0));
    bed.retain();
    bed.acknowledge();
    bed.deliver();
    bed.plan();
    bed.pass();
    bed.advance(60_000);
    bed.accept(fakeBackend("vxlan 1", 1));
    const settle = () => {
      bed.plan();
      bed.retain();
      bed.pass();
      bed.advance(500);
      bed.acknowledge();
    };
    settle();
    // Peers have read it; the node's own snapshots are late.
    expect(bed.inForce).toEqual(["vxlan 1"]);
    expect(bed.stored?.offers[0]?.data.v4).toBe(1);
    bed.accept(fakeBackend("vxlan 1", 2));
    return bed;
  }

  it("leaves the node receiving by what peers have read", () => {
    expect(receivingOptions(changedTwice())).toEqual([2, 1, 0]);
  });

  it("ends that when the newest is in force", () => {
    const bed = changedTwice();
    bed.plan();
    bed.retain();
    bed.pass();
    bed.advance(500);
    bed.acknowledge();
    expect(bed.stored?.offers[0]?.data.v4).toBe(2);
    expect(receivingOptions(bed)).toEqual([2, 1, 0]);
    bed.deliver();
    bed.advance(5_000);
    expect(receivingOptions(bed)).toEqual([2]);
  });
});

describe("a daemon that is killed after a change of options that peers have not read", () => {
  it("has a successor that publishes the earlier ones until it receives by the new ones", () => {
    const [earlier, changed] = [fakeBackend("vxlan 1", 0), fakeBackend("vxlan 1", 1)];
    const bed = new SwitchOverBed(earlier);
    bed.settle();
    bed.accept(changed);
    bed.retain();
    expect(bed.retained).toEqual([changed, earlier]);
    const { retained, stored } = bed;
    const successor = new SwitchOverBed(changed, { retained, stored });
    expect(successor.asked?.backends).toEqual([earlier]);
    successor.quiet(1_000);
    expect(successor.stored?.offers[0]?.data.v4).toBe(1);
    successor.quiet(5_000);
    expect(successor.retained).toEqual([changed]);
  });
});
