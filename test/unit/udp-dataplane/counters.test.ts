import { expect, it } from "vitest";
import {
  addCounters,
  COUNTER_NAMES,
  type Counters,
  CounterTotals,
  DROP_COUNTERS,
} from "../../../backends/udp/counters.ts";

function counted(some: Partial<Counters>): Counters {
  return { ...addCounters([]), ...some };
}

it("totals go on over memories that come and go", () => {
  const totals = new CounterTotals();
  expect(totals.with(counted({ packets: 5n })).packets).toBe(5n);
  totals.add(counted({ packets: 7n, "drop-ttl": 1n }));
  expect(totals.with(counted({ packets: 2n }))).toEqual(counted({ packets: 9n, "drop-ttl": 1n }));
  totals.add(counted({ packets: 2n }));
  expect(totals.with(counted({})).packets).toBe(9n);
});

it("every reason to drop has a name of its own", () => {
  expect(new Set(COUNTER_NAMES).size).toBe(COUNTER_NAMES.length);
  expect(DROP_COUNTERS.length).toBeGreaterThan(10);
});
