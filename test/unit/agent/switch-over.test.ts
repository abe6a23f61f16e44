import { describe, expect, it } from "vitest";
import { PROPAGATION_DELAY_MS } from "../../../src/agent/switch-over/advertisement-history.ts";
import { GRACE_MS } from "../../../src/agent/switch-over/grace.ts";
import { MAX_ACTIVE } from "../../../src/agent/switch-over/state.ts";
import { fakeBackend, fakeContent, SwitchOverBed } from "../../support/switch-over-bed.ts";

const vxlan = fakeBackend("vxlan 1");
const hostGw = fakeBackend("host-gw");
const udp = fakeBackend("udp");
const direct = fakeBackend("vxlan 1", 1);
/** Longer than a batch delay on a host that is not busy. */
const BATCH_MS = 50;

/** A node that is on the backend, with the lease of that in force. */
function nodeOn(backend = vxlan): SwitchOverBed {
  const bed = new SwitchOverBed(backend);
  bed.peers = [backend.channel];
  bed.acknowledge();
  bed.deliver();
  bed.settle();
  return bed;
}

/** The same, after a change to `next`, which is in force; no path uses the first any more. */
function switched(next = hostGw): SwitchOverBed {
  const bed = nodeOn();
  bed.peers = [next.channel, "vxlan 1"];
  bed.accept(next);
  bed.quiet(BATCH_MS + PROPAGATION_DELAY_MS + 500);
  return bed;
}

const offered = (bed: SwitchOverBed) => bed.stored?.offers.map(({ type }) => type);
const lastPublished = (bed: SwitchOverBed) => bed.published.at(-1)?.backends.map(({ channel }) => channel);

describe("a change of backend", () => {
  it("goes through all phases, each by what happened outside", () => {
    const bed = nodeOn();
    bed.peers = ["host-gw", "vxlan 1"];
    expect(bed.phase(vxlan)).toBe("in force");
    bed.accept(hostGw);
    expect(bed.phase(hostGw)).toBe("accepted");
    bed.plan();
    expect(bed.phase(hostGw)).toBe("programmed");
    bed.pass();
    expect(bed.phase(hostGw)).toBe("programmed");
    bed.retain();
    expect(bed.phase(hostGw)).toBe("receiving");
    bed.advance(BATCH_MS);
    bed.acknowledge();
    expect(bed.phase(hostGw)).toBe("published");
    bed.deliver();
    bed.advance(PROPAGATION_DELAY_MS);
    expect([bed.phase(hostGw), bed.phase(vxlan)]).toEqual(["in force", "unused"]);
    bed.advance(GRACE_MS);
    expect(bed.phase(vxlan)).toBe("withdrawn");
    bed.quiet(2 * PROPAGATION_DELAY_MS);
    expect(bed.phase(vxlan)).toBe("gone");
    expect(offered(bed)).toEqual(["host-gw"]);
  });

  it("publishes nothing that is not received on", () => {
    const bed = nodeOn();
    bed.broken.add("effect of udp");
    bed.accept(udp);
    bed.quiet(10 * GRACE_MS);
    expect(offered(bed)).toEqual(["vxlan 1"]);
    bed.broken.clear();
    bed.quiet(PROPAGATION_DELAY_MS);
    expect(offered(bed)).toEqual(["udp", "vxlan 1"]);
  });

  it("waits for links, for the firewall and for the file that a restart reads", () => {
    for (const hold of ["kernel", "firewall", "file"]) {
      const bed = nodeOn();
      if (hold === "kernel") bed.broken.add("udp");
      bed.isFirewallSlow = hold === "firewall";
      bed.accept(udp);
      bed.plan();
      bed.pass();
      if (hold !== "file") bed.retain();
      bed.advance(BATCH_MS);
      expect(lastPublished(bed)).toEqual(["vxlan 1"]);
    }
  });

  it("tells the firewall after the kernel, and at the start before: nothing is let in then", () => {
    const bed = nodeOn();
    expect(bed.steps.slice(0, 2)).toEqual(["firewall", "kernel"]);
    bed.steps.length = 0;
    bed.accept(udp);
    bed.plan();
    expect(bed.steps).toEqual([]);
    bed.pass();
    expect(bed.steps).toEqual(["kernel", "firewall"]);
  });

  it("is written in one go with whatever else changes in the batch delay", () => {
    const bed = nodeOn();
    const before = bed.published.length;
    bed.moveHost({ lastByte: 2 });
    bed.moveHost({ lastByte: 3 });
    expect(bed.published.length).toBe(before);
    bed.advance(BATCH_MS);
    expect(bed.published.slice(before).map(({ content }) => content.publicIps.v4)).toEqual(["198.18.1.3"]);
  });

  it("writes nothing when it is taken back within the batch delay", () => {
    const bed = nodeOn();
    const before = bed.published.length;
    bed.moveHost({ lastByte: 2 });
    bed.moveHost({ lastByte: 1 });
    bed.advance(BATCH_MS);
    expect(bed.published.length).toBe(before);
  });

  it("asks the store anew when something changes while it is asked, also for what it had before", () => {
    const bed = nodeOn();
    bed.moveHost({ lastByte: 2 });
    bed.advance(BATCH_MS);
    bed.moveHost({ lastByte: 1 });
    expect(bed.published.slice(-2).map(({ content }) => content.publicIps.v4)).toEqual([
      "198.18.1.2",
      "198.18.1.1",
    ]);
  });

  it("turns only when the store has handed the lease out for the propagation delay", () => {
    const bed = nodeOn();
    bed.accept(hostGw);
    bed.plan();
    bed.pass();
    bed.retain();
    bed.advance(BATCH_MS);
    bed.acknowledge();
    bed.advance(10 * PROPAGATION_DELAY_MS);
    expect(bed.inForce).toEqual(["vxlan 1"]);
    bed.deliver();
    bed.advance(PROPAGATION_DELAY_MS - 1);
    expect(bed.inForce).toEqual(["vxlan 1"]);
    bed.advance(1);
    expect(bed.inForce).toEqual(["host-gw", "vxlan 1"]);
  });

  it("does not turn while the lease is lost, and seeks another at once with what peers know", () => {
    const bed = nodeOn();
    bed.accept(hostGw);
    bed.plan();
    bed.pass();
    bed.retain();
    bed.advance(BATCH_MS);
    bed.acknowledge();
    bed.deliver();
    const before = bed.published.length;
    bed.lose();
    expect(bed.published.length).toBe(before + 1);
    expect(lastPublished(bed)).toEqual(["host-gw", "vxlan 1"]);
    bed.advance(10 * PROPAGATION_DELAY_MS);
    expect(bed.inForce).toEqual(["vxlan 1"]);
    bed.quiet(2 * PROPAGATION_DELAY_MS);
    expect(bed.inForce).toEqual(["host-gw", "vxlan 1"]);
  });
});

describe("the backend from before a change", () => {
  it("is received on until it was unused for the grace time", () => {
    const bed = nodeOn();
    bed.accept(hostGw);
    bed.quiet(10 * GRACE_MS);
    expect(bed.active).toEqual(["host-gw", "vxlan 1"]);

    bed.peers = ["host-gw"];
    bed.deliver();
    bed.plan();
    expect(bed.phase(vxlan)).toBe("unused");
    bed.advance(GRACE_MS - 1);
    expect(bed.active).toEqual(["host-gw", "vxlan 1"]);
    bed.advance(1);
    expect(bed.active).toEqual(["host-gw"]);
  });

  it("has the grace time anew when a path comes back to it", () => {
    const bed = switched();
    expect(bed.phase(vxlan)).toBe("unused");
    bed.advance(GRACE_MS - 2000);
    bed.peers = ["vxlan 1"];
    bed.deliver();
    bed.plan();
    expect(bed.phase(vxlan)).toBe("in force");
    bed.peers = ["host-gw"];
    bed.deliver();
    bed.advance(GRACE_MS - 1);
    expect(bed.active).toEqual(["host-gw", "vxlan 1"]);
    bed.advance(1);
    expect(bed.active).toEqual(["host-gw"]);
  });

  /** The simulator found a peer left without a path, seed 2, history 20. */
  it("has the grace time anew when the process was stopped: a peer may have come back to it meanwhile", () => {
    for (const stoppedAfterMs of [0, GRACE_MS - 2_000]) {
      const bed = switched();
      bed.advance(stoppedAfterMs);
      for (let stops = 0; stops < 2; stops++) {
        bed.stop(GRACE_MS);
        bed.advance(GRACE_MS - 1);
        expect(bed.phase(vxlan)).toBe("unused");
      }
      bed.advance(1);
      expect(bed.phase(vxlan)).toBe("withdrawn");
    }
  });

  it("has the grace time anew when the store is back, and stays until then", () => {
    const bed = switched();
    bed.advance(GRACE_MS - 2_000);
    bed.dispatch({ kind: "store health changed", isAway: true });
    bed.advance(3 * GRACE_MS);
    expect(bed.phase(vxlan)).toBe("unused");
    bed.dispatch({ kind: "store health changed", isAway: false });
    bed.advance(GRACE_MS - 1);
    expect(bed.phase(vxlan)).toBe("unused");
    bed.advance(1);
    expect(bed.phase(vxlan)).toBe("withdrawn");
  });

  it("is published again when a peer comes back to it before the store has the lease without it", () => {
    const bed = switched();
    bed.advance(GRACE_MS + BATCH_MS);
    expect(bed.phase(vxlan)).toBe("withdrawn");
    expect(lastPublished(bed)).toEqual(["host-gw"]);
    bed.peers = ["vxlan 1"];
    bed.deliver();
    bed.plan();
    expect(bed.phase(vxlan)).toBe("in force");
    expect(lastPublished(bed)).toEqual(["host-gw", "vxlan 1"]);
    bed.quiet(2 * GRACE_MS);
    expect(offered(bed)).toEqual(["host-gw", "vxlan 1"]);
  });

  it("is not dropped by the plan that uses it again after the grace time", () => {
    const bed = new SwitchOverBed(udp);
    bed.peers = ["udp"];
    bed.accept(vxlan);
    bed.advance(GRACE_MS);
    bed.acknowledge();
    bed.deliver();
    bed.plan();
    expect(bed.active).toEqual(["vxlan 1", "udp"]);
  });

  it("outlasts a successor that never comes to be received on, though no path uses it", () => {
    const bed = nodeOn();
    bed.peers = [];
    bed.broken.add("udp");
    bed.accept(udp);
    bed.quiet(10 * GRACE_MS);
    expect(bed.active).toEqual(["udp", "vxlan 1"]);
    expect(offered(bed)).toEqual(["vxlan 1"]);
  });

  it("is the preferred one again at once when the change is reverted", () => {
    const bed = switched();
    bed.peers = ["vxlan 1"];
    bed.accept(vxlan);
    expect(bed.active).toEqual(["vxlan 1", "host-gw"]);
    bed.quiet(GRACE_MS + 3 * PROPAGATION_DELAY_MS);
    expect(offered(bed)).toEqual(["vxlan 1"]);
  });

  it("is programmed until peers know that it is withdrawn", () => {
    const bed = switched();
    bed.advance(GRACE_MS);
    expect(bed.phase(vxlan)).toBe("withdrawn");
    bed.advance(BATCH_MS);
    bed.acknowledge();
    expect(bed.inForce).toEqual(["host-gw", "vxlan 1"]);
    bed.deliver();
    bed.advance(PROPAGATION_DELAY_MS);
    expect(bed.inForce).toEqual(["host-gw"]);
    expect(bed.phase(vxlan)).toBe("gone");
  });
});

describe("the preferred backend", () => {
  it("is never dropped, used or not", () => {
    const bed = nodeOn();
    bed.peers = [];
    bed.deliver();
    bed.quiet(2 * GRACE_MS);
    expect(bed.active).toEqual(["vxlan 1"]);
  });

  it("takes the place of one with other options of its channel: both would be one device", () => {
    const bed = nodeOn();
    bed.accept(direct);
    expect(bed.active).toEqual(["vxlan 1"]);
    expect(bed.phase(vxlan)).toBe("withdrawn");
    bed.accept(fakeBackend("vxlan 2"));
    expect(bed.active).toEqual(["vxlan 2", "vxlan 1"]);
  });

  it("leaves those other options published until it is received on", () => {
    const bed = nodeOn();
    bed.isFirewallSlow = true;
    bed.accept(direct);
    bed.quiet(10 * PROPAGATION_DELAY_MS);
    expect(bed.stored).toEqual(fakeContent([vxlan]));
    bed.isFirewallSlow = false;
    bed.quiet(PROPAGATION_DELAY_MS);
    expect(bed.stored).toEqual(fakeContent([direct]));
  });

  it("is the only one that is published while the host suits no other", () => {
    const bed = switched();
    bed.moveHost({ unsuitable: new Set(["vxlan 1"]) });
    bed.quiet(PROPAGATION_DELAY_MS);
    expect(offered(bed)).toEqual(["host-gw"]);
    bed.moveHost({ unsuitable: new Set() });
    bed.quiet(PROPAGATION_DELAY_MS);
    expect(offered(bed)).toEqual(["host-gw", "vxlan 1"]);
  });
});

describe("the backends that are received on", () => {
  it("are bounded, so that a lease has room for them, and those that no peer knows go first", () => {
    const bed = nodeOn();
    for (let vni = 2; vni < 20; vni++) bed.accept(fakeBackend(`vxlan ${vni}`));
    expect(bed.active).toEqual(["vxlan 19", "vxlan 18", "vxlan 17", "vxlan 16", "vxlan 15", "vxlan 1"]);
    expect(bed.active.length).toBe(MAX_ACTIVE);
  });

  it("lose the oldest one when peers know them all", () => {
    const bed = nodeOn();
    bed.peers = [];
    for (let vni = 2; vni < 9; vni++) {
      bed.accept(fakeBackend(`vxlan ${vni}`));
      bed.quiet(2 * PROPAGATION_DELAY_MS);
    }
    expect(bed.active).toEqual(["vxlan 8", "vxlan 7", "vxlan 6", "vxlan 5", "vxlan 4", "vxlan 3"]);
  });
});

describe("a daemon that starts", () => {
  it("names all in a first lease, for nobody sends to it yet, and is on it at once", () => {
    const bed = new SwitchOverBed(vxlan);
    expect(lastPublished(bed)).toEqual(["vxlan 1"]);
    bed.deliver();
    bed.acknowledge();
    bed.deliver();
    expect(bed.inForce).toEqual(["vxlan 1"]);
  });

  it("turns to a change one propagation delay after a snapshot has it, also when no snapshot had the first lease", () => {
    const bed = new SwitchOverBed(vxlan);
    bed.deliver(null);
    bed.acknowledge();
    bed.accept(hostGw);
    for (const each of ["plan", "pass", "retain"] as const) bed[each]();
    bed.advance(BATCH_MS);
    bed.acknowledge();
    expect(bed.phase(hostGw)).toBe("published");
    bed.deliver(null);
    bed.advance(2 * PROPAGATION_DELAY_MS);
    expect(bed.inForce).toEqual(["vxlan 1"]);
    bed.deliver();
    bed.advance(PROPAGATION_DELAY_MS - 1);
    expect(bed.inForce).toEqual(["vxlan 1"]);
    bed.advance(1);
    expect(bed.inForce).toEqual(["host-gw", "vxlan 1"]);
  });

  it("plans nothing before both lease and snapshot are there", () => {
    const bed = new SwitchOverBed(vxlan);
    const kinds: string[] = [];
    bed.onEffect = ({ kind }) => kinds.push(kind);
    bed.deliver(null);
    bed.accept(hostGw);
    bed.moveHost({ lastByte: 2 });
    expect(kinds).not.toContain("plan");
    bed.acknowledge();
    expect(kinds).toContain("plan");
  });

  it("receives on what it received on before, in order, without what is preferred now", () => {
    const stored = fakeContent([hostGw, udp, vxlan]);
    const bed = new SwitchOverBed(hostGw, { retained: [hostGw, udp, vxlan], stored });
    expect(bed.active).toEqual(["host-gw", "udp", "vxlan 1"]);
    bed.deliver();
    bed.quiet(GRACE_MS + PROPAGATION_DELAY_MS);
    expect(bed.active).toEqual(["host-gw"]);
  });

  it("first publishes again what peers know, and its own when that is received on", () => {
    const bed = new SwitchOverBed(vxlan, { retained: [vxlan, hostGw], stored: fakeContent([hostGw]) });
    expect(lastPublished(bed)).toEqual(["host-gw"]);
    bed.deliver();
    bed.quiet(PROPAGATION_DELAY_MS);
    expect(offered(bed)).toEqual(["vxlan 1", "host-gw"]);
  });

  it("first publishes again the options that peers know, and new ones when it receives with them", () => {
    const bed = new SwitchOverBed(direct, { retained: [vxlan], stored: fakeContent([vxlan]) });
    expect(bed.published.at(-1)?.content).toEqual(fakeContent([vxlan]));
    bed.acknowledge();
    bed.deliver();
    bed.quiet(PROPAGATION_DELAY_MS);
    expect(bed.stored).toEqual(fakeContent([direct]));
    bed.quiet(PROPAGATION_DELAY_MS + 500);
    expect(bed.phase(direct)).toBe("in force");
    expect(bed.active).toEqual(["vxlan 1"]);
  });

  it("does not bring back a backend that peers have forgotten", () => {
    const bed = new SwitchOverBed(hostGw, { retained: [hostGw, vxlan], stored: fakeContent([hostGw]) });
    expect(bed.active).toEqual(["host-gw"]);
  });

  it("names all that it is configured for where it knows nothing of what the store has", () => {
    const bed = new SwitchOverBed(vxlan, { retained: [], stored: fakeContent([udp]) });
    expect(lastPublished(bed)).toEqual(["vxlan 1"]);
  });
});
