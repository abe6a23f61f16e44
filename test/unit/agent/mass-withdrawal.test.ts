import { beforeEach, describe, expect, it } from "vitest";
import {
  conclude,
  MAX_SETTLE_MS,
  NO_WITHDRAWALS,
  nextDueMs,
  REREAD_MS,
  receive,
  SETTLE_MS,
  WINDOW_MS,
} from "../../../src/agent/switch-over/mass-withdrawal.ts";
import { peerLease, WithdrawalBed } from "../../support/withdrawal-bed.ts";

const TEN = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10];
let bed: WithdrawalBed;
beforeEach(() => {
  bed = new WithdrawalBed();
  bed.watch(TEN);
});

describe("what counts as a mass withdrawal", () => {
  it.each([
    { of: 1, gone: 1, isHeld: true },
    { of: 2, gone: 1, isHeld: false },
    { of: 2, gone: 2, isHeld: true },
    { of: 3, gone: 1, isHeld: false },
    { of: 3, gone: 2, isHeld: true },
    { of: 10, gone: 5, isHeld: false },
    { of: 10, gone: 6, isHeld: true },
    { of: 10, gone: 10, isHeld: true },
  ])("$gone of $of peers: $isHeld", ({ of, gone, isHeld }) => {
    bed = new WithdrawalBed();
    bed.watch(TEN.slice(0, of));
    bed.watch(TEN.slice(gone, of));
    expect(bed.heldBack).toBe(isHeld ? gone : 0);
    expect(bed.peers).toEqual(TEN.slice(isHeld ? 0 : gone, of));
    expect(bed.readings).toBe(Number(isHeld));
  });

  it("before the first plan the peers of the snapshot before count, as the kernel has them of an earlier daemon", () => {
    const before = { leases: TEN.map((number) => peerLease(number)), junk: [] };
    const first = receive(NO_WITHDRAWALS, null, before, 0);
    expect(receive(first, before, { leases: [], junk: [] }, 100).missing?.size).toBe(10);
  });

  it("the first snapshot withdraws nothing where no earlier daemon has programmed a peer", () => {
    bed = new WithdrawalBed();
    bed.watch([]);
    expect([bed.isPlanned, bed.peers, bed.heldBack]).toEqual([true, [], 0]);
  });

  it.each([
    { gone: 5, isHeld: false },
    { gone: 6, isHeld: true },
    { gone: 10, isHeld: true },
  ])("$gone of 10 peers of an earlier daemon in the first snapshot: $isHeld", ({ gone, isHeld }) => {
    bed = new WithdrawalBed(TEN);
    bed.watch([...TEN.slice(gone), 20]);
    expect([bed.isPlanned, bed.heldBack]).toEqual([!isHeld, isHeld ? gone : 0]);
    expect(bed.peers).toEqual(isHeld ? TEN : [...TEN.slice(gone), 20]);
  });

  it.each([0, 90_000])(
    "peers that go one after the other within a second count together, from %i ms",
    (startMs) => {
      bed.pass(startMs);
      for (const last of [9, 8, 7, 6, 5]) bed.watch(TEN.slice(0, last));
      expect(bed.heldBack).toBe(0);
      bed.watch(TEN.slice(0, 4));
      expect([bed.heldBack, bed.peers]).toEqual([1, TEN.slice(0, 5)]);
    },
  );

  it("peers that go within more than a second do not", () => {
    bed = new WithdrawalBed();
    bed.watch(TEN);
    for (const last of [9, 8, 7, 6, 5, 4]) {
      bed.watch(TEN.slice(0, last));
      bed.pass(WINDOW_MS / 4);
    }
    expect([bed.heldBack, bed.peers]).toEqual([0, TEN.slice(0, 4)]);
  });

  it("a peer that another lease replaces, by its subnet or its address, has changed", () => {
    bed = new WithdrawalBed();
    bed.watch([1, 2]);
    const renumbered = peerLease(11, 1);
    const successor = { ...peerLease(2, 12), key: "another-node" };
    bed.watch([renumbered, successor]);
    expect(bed.heldBack).toBe(0);
  });

  it("the same key with other content is a change", () => {
    bed.watch(TEN.map((each) => peerLease(each, each + 100)));
    expect(bed.heldBack).toBe(0);
  });

  it("the same key with another subnet and another address is a change, as of a Node registered again", () => {
    bed = new WithdrawalBed();
    bed.watch([1]);
    bed.watch([{ ...peerLease(11), key: peerLease(1).key }]);
    expect([bed.heldBack, bed.peers]).toEqual([0, [1]]);
  });

  it("a change counts for none, after however many have gone one by one", () => {
    bed = new WithdrawalBed();
    bed.watch([1, 2, 3, 4]);
    for (const left of [
      [2, 3, 4],
      [3, 4],
    ])
      bed.watch(left);
    const { subnets } = peerLease(3);
    bed.watch([{ ...peerLease(5), key: "a", subnets, publicIps: peerLease(4).publicIps }]);
    bed.watch([{ ...peerLease(6), key: "b", subnets }]);
    expect(bed.state.totals).toEqual({ begun: 0, withdrawn: 0, returned: 0 });
  });
});

describe("a mass withdrawal that is held back", () => {
  it("is applied a second after it, when a reading confirms it", () => {
    bed.watch([1]);
    bed.pass(10);
    bed.read([1]);
    bed.pass(SETTLE_MS - 11);
    expect(bed.peers).toEqual(TEN);
    bed.pass(1);
    expect(bed.peers).toEqual([1]);
    expect(bed.state.totals).toEqual({ begun: 1, withdrawn: 9, returned: 0 });
    expect(bed.readings).toBe(0);
  });

  it("lets further peers in at once, and neither begins anew nor waits longer for that", () => {
    bed.watch([1]);
    bed.read([1]);
    bed.pass(SETTLE_MS - 1);
    bed.watch([1, 20]);
    expect(bed.peers).toEqual([...TEN, 20]);
    expect(bed.state.totals).toEqual({ begun: 1, withdrawn: 0, returned: 0 });
    bed.pass(1);
    expect(bed.peers).toEqual([1, 20]);
  });

  it("asks to be woken when the first of the peers is due", () => {
    bed.watch([]);
    bed.read([1, 2]);
    expect(nextDueMs(bed.state)).toBe(SETTLE_MS);
    bed.pass(SETTLE_MS);
    expect(nextDueMs(bed.state)).toBe(REREAD_MS.first);
    expect(bed.readings).toBe(0);
  });

  it("changes nothing while nothing is due", () => {
    bed.watch([]);
    bed.read([]);
    expect(conclude(bed.state, SETTLE_MS - 1)).toBe(bed.state);
  });

  it("is read of again at once where peers go after the reading, and not for those that it lists", () => {
    bed.watch([1, 20]);
    bed.read([1, 2, 3, 20]);
    expect(bed.readings).toBe(0);
    bed.watch([1]);
    expect(bed.readings).toBe(1);
    bed.read([1, 2, 3]);
    bed.pass(SETTLE_MS);
    expect(bed.peers).toEqual([1, 2, 3]);
  });

  it("is not applied while the reading lasts, however long", () => {
    bed.watch([]);
    bed.pass(1e9);
    expect([bed.peers, bed.readings]).toEqual([TEN, 1]);
  });

  it("is not applied while the store cannot be read, which is tried ever more seldom", () => {
    bed.watch([]);
    let attempts = 0;
    for (let hours = 0; hours < 3600; hours++) {
      if (bed.readings > 0) {
        attempts += 1;
        bed.failReading();
      }
      bed.pass(1000);
    }
    expect([bed.peers, bed.state.fault]).toEqual([TEN, "nobody answers"]);
    expect(attempts).toBeGreaterThan(3600_000 / REREAD_MS.max - 1);
    expect(attempts).toBeLessThan(3600_000 / REREAD_MS.max + 10);
    bed.pass(REREAD_MS.max);
    bed.read([]);
    expect(bed.peers).toEqual([]);
    expect(bed.state.fault).toBeNull();
  });

  it("is not applied to peers that the reading lists: it wins over the watch", () => {
    bed.watch([]);
    bed.read([1, 2, 3]);
    const verdicts = [...(bed.state.missing?.values() ?? [])].map(({ verdict }) => verdict);
    expect(verdicts).toEqual(TEN.map((each) => (each <= 3 ? "listed" : "gone")));
    bed.pass(SETTLE_MS);
    expect(bed.peers).toEqual([1, 2, 3]);
    // A reading later they are gone there too.
    bed.pass(REREAD_MS.first);
    bed.read([1]);
    expect(bed.peers).toEqual([1]);
    bed.watch([1]);
    expect([bed.peers, bed.heldBack]).toEqual([[1], 0]);
  });

  it("is read of again soon when some return: the watch may be right about the others", () => {
    bed.watch([]);
    // Until the delay is far longer than the first one.
    for (let delayMs = REREAD_MS.first; delayMs < REREAD_MS.max; delayMs *= 2) {
      bed.read(TEN);
      bed.pass(delayMs);
    }
    bed.read(TEN);
    expect(nextDueMs(bed.state)).toBe(bed.nowMs + REREAD_MS.max);
    bed.watch([1, 2]);
    expect(nextDueMs(bed.state)).toBe(bed.nowMs + REREAD_MS.first);
    bed.pass(REREAD_MS.first);
    bed.read([1, 2]);
    expect(bed.peers).toEqual([1, 2]);
  });

  it("ends when all return, also while the reading lasts", () => {
    bed.watch([]);
    bed.watch(TEN);
    expect([bed.heldBack, bed.state.totals.returned]).toEqual([0, 10]);
    bed.watch([]);
    // It began before they went.
    bed.read([]);
    bed.pass(SETTLE_MS);
    expect(bed.peers).toEqual(TEN);
    bed.read([]);
    expect(bed.peers).toEqual([]);
  });

  it.each(["read", "failed"])(
    "is counted, and read of anew, after one that ended while its reading lasted (%s)",
    (end) => {
      bed.watch([]);
      bed.watch(TEN);
      if (end === "read") bed.read(TEN);
      else bed.failReading();
      expect([bed.heldBack, bed.readings, bed.state.fault]).toEqual([0, 0, null]);
      bed.watch([1]);
      expect([bed.heldBack, bed.readings, bed.state.totals.begun]).toEqual([9, 1, 2]);
      bed.failReading();
      expect(nextDueMs(bed.state)).toBe(bed.nowMs + REREAD_MS.first);
    },
  );

  it("waits while peers of a store that lost its data return, within a bound", () => {
    bed.watch([]);
    bed.read([]);
    for (const returned of [1, 2, 3]) {
      bed.pass(SETTLE_MS - 1);
      bed.watch(TEN.slice(0, returned));
      expect([bed.peers, bed.readings]).toEqual([TEN, 0]);
    }
    bed.pass(SETTLE_MS);
    expect(bed.peers).toEqual([1, 2, 3]);
  });

  it("does not wait for ever while one peer comes and goes", () => {
    bed.watch([]);
    bed.read([]);
    for (let ms = 0; ms < MAX_SETTLE_MS; ms += 500) {
      bed.watch(ms % 1000 === 0 ? [1] : []);
      if (bed.readings > 0) bed.read([]);
      bed.pass(500);
    }
    expect(bed.peers.filter((each) => each !== 1)).toEqual([]);
  });

  it("holds back peers that go meanwhile until a reading of their own", () => {
    bed.watch([1, 2, 3, 4]);
    bed.watch([1, 2, 3]);
    bed.read([1, 2, 3]);
    expect(bed.readings).toBe(1);
    bed.pass(SETTLE_MS);
    expect(bed.peers).toEqual([1, 2, 3, 4]);
    bed.read([1, 2, 3]);
    expect(bed.peers).toEqual([1, 2, 3]);
  });
});

describe("peers of an earlier daemon that the first snapshot does not list", () => {
  beforeEach(() => {
    bed = new WithdrawalBed(TEN);
    bed.watch([20]);
  });

  it("are withdrawn a second later, when a reading confirms it; until then nothing is planned", () => {
    bed.read([20]);
    bed.pass(SETTLE_MS - 1);
    expect([bed.isPlanned, bed.peers]).toEqual([false, TEN]);
    bed.pass(1);
    expect([bed.isPlanned, bed.peers]).toEqual([true, [20]]);
  });

  it("are planned as the reading lists them", () => {
    bed.read([1, 2, 20]);
    expect(bed.isPlanned).toBe(false);
    bed.pass(SETTLE_MS);
    expect([bed.isPlanned, bed.peers]).toEqual([true, [1, 2, 20]]);
  });

  it("are planned at once when the watch lists all of them again", () => {
    bed.watch([1, 2]);
    expect(bed.isPlanned).toBe(false);
    bed.watch([...TEN, 20]);
    expect([bed.isPlanned, bed.peers, bed.heldBack]).toEqual([true, [...TEN, 20], 0]);
  });

  it("are withdrawn though another leaves meanwhile, and the watch delivers something again and again", () => {
    bed = new WithdrawalBed(TEN);
    bed.watch([7, 8, 9, 10]);
    bed.read([7, 8, 9, 10]);
    bed.pass(SETTLE_MS / 2);
    for (let count = 0; count < 12; count++) {
      bed.watch([peerLease(8, 100 + count), 9, 10]);
      if (bed.readings > 0) bed.read([8, 9, 10]);
      bed.pass(SETTLE_MS / 4);
    }
    expect([bed.isPlanned, bed.heldBack, bed.peers]).toEqual([true, 0, [8, 9, 10]]);
    expect(bed.state.totals).toEqual({ begun: 1, withdrawn: 7, returned: 0 });
  });

  it("are withdrawn while one peer after the other leaves", () => {
    bed = new WithdrawalBed(TEN);
    for (let first = 7; first < 11; first++) {
      const left = TEN.slice(first - 1);
      bed.watch(left);
      if (bed.readings > 0) bed.read(left);
      bed.pass(SETTLE_MS / 2);
    }
    expect(bed.isPlanned).toBe(true);
    bed.pass(2 * SETTLE_MS);
    expect(bed.peers).toEqual([10]);
  });

  it("stay in the kernel while the store cannot be read", () => {
    bed.failReading();
    for (let tries = 0; tries < 20; tries++) {
      bed.pass(REREAD_MS.max);
      bed.failReading();
    }
    expect([bed.isPlanned, bed.peers]).toEqual([false, TEN]);
  });
});
