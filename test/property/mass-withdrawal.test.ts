/**
 * Whatever watch and reading say in whatever order: no peer of a mass withdrawal goes unless a reading that began after
 * it was missed did not list it, additions never wait, and the node agrees with the store once both agree.
 */
import fc from "fast-check";
import { expect, test } from "vitest";
import { MAX_SETTLE_MS, REREAD_MS } from "../../src/agent/switch-over/mass-withdrawal.ts";
import { runs } from "../support/property-runs.ts";
import { WithdrawalBed } from "../support/withdrawal-bed.ts";

const peers = fc.uniqueArray(fc.integer({ min: 1, max: 8 }), { maxLength: 8 });
const step = fc.oneof(
  fc.record({ do: fc.constant("watch" as const), peers }),
  fc.record({ do: fc.constant("read" as const), peers }),
  fc.record({ do: fc.constant("fail" as const) }),
  fc.record({ do: fc.constant("pass" as const), ms: fc.constantFrom(1, 300, 999, 1000, 2500, 31_000) }),
);

test("a mass withdrawal is applied only as confirmed, and then it is", () => {
  fc.assert(
    fc.property(peers, fc.array(step, { maxLength: 40, size: "max" }), (former, steps) => {
      const bed = new WithdrawalBed(former);
      let watched: readonly number[] = [];
      /** By the last reading that began while the peer was missing. */
      const confirmed = new Set<number>();
      let missingAtBegin = new Set<number>();
      const missing = () => bed.peers.filter((each) => !watched.includes(each));
      for (const each of steps) {
        const before = bed.peers;
        const readingsBefore = bed.readings;
        switch (each.do) {
          case "watch":
            watched = each.peers;
            bed.watch(each.peers);
            break;
          case "read":
            if (bed.readings === 0) continue;
            for (const peer of missingAtBegin) {
              if (each.peers.includes(peer)) confirmed.delete(peer);
              else confirmed.add(peer);
            }
            bed.read(each.peers);
            break;
          case "fail":
            if (bed.readings > 0) bed.failReading();
            break;
          case "pass":
            bed.pass(each.ms);
            break;
        }
        const isNewReading =
          bed.readings > 0 && (readingsBefore === 0 || each.do === "read" || each.do === "fail");
        for (const peer of watched) {
          confirmed.delete(peer);
          missingAtBegin.delete(peer);
        }
        expect(bed.readings).toBeLessThanOrEqual(1);
        if (bed.isPlanned) expect(bed.peers).toEqual(expect.arrayContaining([...watched]));
        const gone = before.filter((peer) => !bed.peers.includes(peer));
        const isUnconfirmed = gone.filter((peer) => !confirmed.has(peer));
        expect(2 * isUnconfirmed.length).toBeLessThanOrEqual(before.length);
        if (isNewReading) missingAtBegin = new Set(missing());
      }
      bed.watch(watched);
      for (let ms = 0; ms < 2 * (MAX_SETTLE_MS + REREAD_MS.max); ms += 500) {
        if (bed.readings > 0) bed.read(watched);
        bed.pass(500);
      }
      expect(bed.peers).toEqual([...watched].sort((one, other) => one - other));
      expect([bed.heldBack, bed.readings]).toEqual([0, 0]);
    }),
    runs(2000),
  );
});
