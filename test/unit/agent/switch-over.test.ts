import { describe, expect, it } from "vitest";
import { PROPAGATION_DELAY_MS } from "../../../src/agent/switch-over/advertisement-history.ts";
import { GRACE_MS } from "../../../src/agent/switch-over/grace.ts";
import { REREAD_MS, SETTLE_MS } from "../../../src/agent/switch-over/mass-withdrawal.ts";
import {
  convergingBackends,
  MAX_ACTIVE,
  plannedBackends,
  receivingBackends,
} from "../../../src/agent/switch-over/state.ts";
import type { Lease } from "../../../src/lease/lease.ts";
import { fakeBackend, fakeContent, fakeLease, SwitchOverBed } from "../../support/switch-over-bed.ts";

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

/** The effects of what `act` does. */
function effectsOf(bed: SwitchOverBed, act: () => void): readonly string[] {
  const kinds: string[] = [];
  bed.onEffect = ({ kind }) => kinds.push(kind);
  act();
  bed.onEffect = () => {};
  return kinds;
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

  it("does not turn by the lease of another node that names the same", () => {
    const bed = nodeOn();
    const known = bed.stored;
    bed.accept(hostGw);
    bed.settle();
    bed.advance(BATCH_MS);
    bed.acknowledge();
    bed.deliver(known, [fakeLease(fakeContent([hostGw, vxlan]), "10.244.2.0-24")]);
    bed.advance(10 * PROPAGATION_DELAY_MS);
    expect(bed.inForce).toEqual(["vxlan 1"]);
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

describe("the desired state", () => {
  it("is planned once for all that happens before the plan is made", () => {
    const bed = nodeOn();
    const kinds = effectsOf(bed, () => {
      bed.accept(hostGw);
      bed.accept(udp);
      bed.deliver();
    });
    expect(kinds.filter((kind) => kind === "plan")).toHaveLength(1);
  });

  it("is not planned while the lease is lost, and is when there is another", () => {
    const bed = nodeOn();
    bed.deliver();
    expect(
      effectsOf(bed, () => {
        bed.lose();
        bed.deliver(null);
        bed.accept(udp);
      }),
    ).not.toContain("plan");
    expect(effectsOf(bed, () => bed.acknowledge())).toContain("plan");
  });

  it("is not taken for applied while the firewall has an older one", () => {
    const bed = nodeOn();
    bed.accept(udp);
    bed.plan();
    bed.pass();
    bed.deliver();
    bed.plan();
    bed.retain();
    expect(bed.phase(udp)).toBe("programmed");
    bed.pass();
    expect(bed.phase(udp)).toBe("receiving");
  });

  it("is not in the firewall until that reports it, whatever it reported before", () => {
    const bed = nodeOn();
    const parts: object[] = [];
    bed.onEffect = ({ kind }) => kind === "update firewall" && parts.push(bed.state.parts);
    const { parts: before } = bed.state;
    bed.deliver();
    bed.plan();
    bed.pass();
    expect(before.firewall).toBe(true);
    expect(parts).toEqual([{ ...before, firewall: false }]);
  });

  it("receives on withdrawn backends after the active ones, each once", () => {
    const bed = switched();
    bed.accept(hostGw);
    expect(receivingBackends(bed.state)).toEqual([hostGw, vxlan]);
    bed.quiet(100);
    bed.advance(GRACE_MS);
    bed.accept(udp);
    expect([bed.phase(vxlan), bed.active]).toEqual(["withdrawn", ["udp", "host-gw"]]);
    expect(receivingBackends(bed.state)).toEqual([udp, hostGw, vxlan]);
    expect(plannedBackends(bed.state)).toMatchObject({
      receiving: [udp, hostGw, vxlan],
      inForce: [hostGw, vxlan],
    });
  });

  it("has to be reported for backends that are not received on yet", () => {
    const bed = nodeOn();
    expect(convergingBackends(bed.state)).toEqual([]);
    bed.accept(udp);
    bed.plan();
    expect(convergingBackends(bed.state)).toEqual([udp]);
  });

  it("stays on what the host supports no longer where it supports nothing else", () => {
    const bed = nodeOn();
    bed.moveHost({ unsuitable: new Set(["vxlan 1"]) });
    bed.quiet(PROPAGATION_DELAY_MS);
    expect(plannedBackends(bed.state)).toMatchObject({ receiving: [vxlan], inForce: [vxlan] });
    expect(offered(bed)).toEqual(["vxlan 1"]);
  });
});

describe("time", () => {
  it("is not waited for while nothing is due", () => {
    const bed = nodeOn();
    expect(bed.wakeAtMs).toBeNull();
    expect(effectsOf(bed, () => bed.dispatch({ kind: "time passed" }))).toEqual([]);
  });

  it("is waited for until the propagation delay, and then the grace time, is over", () => {
    const bed = nodeOn();
    bed.accept(hostGw);
    bed.settle();
    bed.advance(BATCH_MS);
    bed.acknowledge();
    bed.peers = ["host-gw", "vxlan 1"];
    bed.deliver();
    bed.plan();
    expect(bed.wakeAtMs).toBe(bed.nowMs + PROPAGATION_DELAY_MS);
    bed.advance(PROPAGATION_DELAY_MS);
    const endMs = bed.nowMs + GRACE_MS;
    for (let wakes = 0; wakes < 100 && bed.phase(vxlan) !== "withdrawn"; wakes++)
      bed.advance((bed.wakeAtMs ?? Number.NaN) - bed.nowMs);
    expect(bed.nowMs).toBe(endMs);
  });

  it("does not put a lease into force while it is lost, and is not waited for then", () => {
    const bed = nodeOn();
    bed.accept(hostGw);
    bed.settle();
    bed.advance(BATCH_MS);
    bed.acknowledge();
    bed.deliver();
    expect(bed.wakeAtMs).not.toBeNull();
    bed.lose();
    expect(bed.wakeAtMs).toBeNull();
  });
});

describe("a request to the store", () => {
  it("stays the last one when the store acknowledges the one before", () => {
    const bed = nodeOn();
    bed.moveHost({ lastByte: 2 });
    bed.advance(BATCH_MS);
    const earlier = bed.asked;
    bed.moveHost({ lastByte: 3 });
    const later = bed.asked;
    if (earlier === null || later === null) throw new Error("two requests");
    const count = bed.published.length;
    bed.dispatch({ kind: "lease published", advertisement: earlier, lease: fakeLease(earlier.content) });
    bed.advance(10 * BATCH_MS);
    expect(bed.state.requested).toBe(later);
    expect(bed.published.length).toBe(count);
  });

  it("may have been written, so what it names is received on after something has replaced it", () => {
    const bed = nodeOn();
    bed.accept(direct);
    bed.settle();
    bed.advance(BATCH_MS);
    expect(lastPublished(bed)).toEqual(["vxlan 1"]);
    bed.accept(fakeBackend("vxlan 1", 2));
    expect(bed.phase(direct)).toBe("withdrawn");
  });
});

describe("the file that a restart reads", () => {
  it("has a withdrawn backend for as long as peers may send by it", () => {
    const bed = switched();
    bed.advance(GRACE_MS);
    bed.retain();
    expect([bed.phase(vxlan), bed.retained]).toEqual(["withdrawn", [hostGw, vxlan]]);
    bed.quiet(2 * PROPAGATION_DELAY_MS);
    expect([bed.phase(vxlan), bed.retained]).toEqual(["gone", [hostGw]]);
  });
});

describe("a mass withdrawal", () => {
  const peerLease = (key: string, lastByte: number): Lease => ({
    ...fakeLease(fakeContent([vxlan], lastByte), key),
    subnets: { v4: null, v6: null },
  });
  const one = peerLease("10.244.2.0-24", 20);
  const two = peerLease("10.244.3.0-24", 21);

  function withPeers(): SwitchOverBed {
    const bed = nodeOn();
    bed.deliver(bed.stored, [one, two]);
    bed.plan();
    return bed;
  }
  const keys = (bed: SwitchOverBed) =>
    plannedBackends(bed.state)
      ?.snapshot.leases.map(({ key }) => key)
      .sort();
  const OWN = "10.244.1.0-24";

  it("is held back, reported and read of, once", () => {
    const bed = withPeers();
    const kinds = effectsOf(bed, () => bed.deliver());
    expect(kinds).toEqual(["plan", "read leases", "report withdrawals"]);
    expect(keys(bed)).toEqual([OWN, one.key, two.key].sort());
    bed.plan();
    expect(effectsOf(bed, () => bed.dispatch({ kind: "time passed" }))).toEqual([]);
    expect(effectsOf(bed, () => bed.advance(10 * SETTLE_MS))).toEqual([]);
  });

  it("is applied when a reading has confirmed it, by a plan of its own", () => {
    const bed = withPeers();
    bed.deliver();
    bed.plan();
    bed.dispatch({ kind: "leases read", leases: [] });
    expect(bed.wakeAtMs).toBe(bed.nowMs + SETTLE_MS);
    bed.plan();
    bed.advance(SETTLE_MS - 1);
    expect(keys(bed)).toEqual([OWN, one.key, two.key].sort());
    expect(effectsOf(bed, () => bed.advance(1))).toEqual(
      expect.arrayContaining(["plan", "report withdrawals"]),
    );
    expect(keys(bed)).toEqual([OWN]);
  });

  it("uses a peer as the reading lists it", () => {
    const bed = withPeers();
    bed.deliver();
    bed.plan();
    const moved = { ...one, ...fakeContent([vxlan], 99) };
    const kinds = effectsOf(bed, () => bed.dispatch({ kind: "leases read", leases: [moved, two] }));
    expect(kinds).toEqual(expect.arrayContaining(["plan", "report withdrawals"]));
    const leases = plannedBackends(bed.state)?.snapshot.leases;
    expect(leases?.find(({ key }) => key === one.key)?.publicIps.v4).toBe("198.18.1.99");
  });

  it("is reported with why the store cannot be read, and read of again later", () => {
    const bed = withPeers();
    bed.deliver();
    bed.plan();
    const fail = () => bed.dispatch({ kind: "leases not read", reason: "nobody answers" });
    expect(effectsOf(bed, fail)).toEqual(["report withdrawals", "wake"]);
    expect(bed.state.withdrawals.fault).toBe("nobody answers");
    expect(effectsOf(bed, () => bed.advance(REREAD_MS.first))).toEqual(["read leases", "wake"]);
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

  it("are not bounded by those that were replaced", () => {
    const bed = nodeOn();
    bed.accept(direct);
    for (let vni = 2; vni < 7; vni++) bed.accept(fakeBackend(`vxlan ${vni}`));
    expect(bed.active).toEqual(["vxlan 6", "vxlan 5", "vxlan 4", "vxlan 3", "vxlan 2", "vxlan 1"]);
    expect(bed.phase(vxlan)).toBe("withdrawn");
  });

  it("are bounded when a daemon starts", () => {
    const retained = Array.from({ length: 9 }, (_, vni) => fakeBackend(`vxlan ${vni}`));
    const bed = new SwitchOverBed(udp, { retained, stored: fakeContent(retained) });
    expect(bed.active).toEqual(["udp", "vxlan 0", "vxlan 1", "vxlan 2", "vxlan 3", "vxlan 4"]);
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
    expect(lastPublished(bed)).toEqual(["host-gw", "udp", "vxlan 1"]);
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

  it("does so where its last lease names others beside", () => {
    const stored = fakeContent([vxlan, udp]);
    const bed = new SwitchOverBed(direct, { retained: [vxlan, udp], stored });
    expect(bed.published.at(-1)?.content).toEqual(stored);
  });

  it("does not bring back a backend that peers have forgotten", () => {
    const bed = new SwitchOverBed(hostGw, { retained: [hostGw, vxlan], stored: fakeContent([hostGw]) });
    expect(bed.active).toEqual(["host-gw"]);
  });

  it("names all that it is configured for where it knows nothing of what the store has", () => {
    const bed = new SwitchOverBed(vxlan, { retained: [], stored: fakeContent([udp]) });
    expect(lastPublished(bed)).toEqual(["vxlan 1"]);
    bed.deliver();
    bed.asked = null;
    const [advertisement] = bed.published;
    if (advertisement === undefined) throw new Error("a publication");
    bed.dispatch({ kind: "lease published", advertisement, lease: fakeLease(advertisement.content) });
    expect(bed.inForce).toEqual(["vxlan 1"]);
  });
});
