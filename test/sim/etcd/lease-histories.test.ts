/** Nodes without agents on a simulated etcd: whatever happens to them, to etcd and to the network in between. */
import { describe, expect, test } from "vitest";
import { isLongRun } from "../../support/long-run.ts";
import { runHistory } from "./lease-history.ts";

const STEPS = 60;
const SEEDS_PER_TEST = 20;
const TESTS = isLongRun ? 500 : 2;

describe("leases on etcd", () => {
  const firstSeeds = Array.from({ length: TESTS }, (_, index) => 1 + index * SEEDS_PER_TEST);

  test.for(firstSeeds)(
    `survive ${STEPS} disturbances, ${SEEDS_PER_TEST} seeds from %i`,
    async (firstSeed) => {
      for (let seed = firstSeed; seed < firstSeed + SEEDS_PER_TEST; seed++) {
        const { violations, trace } = await runHistory(seed, STEPS);
        expect(violations, `seed ${seed}\n${trace.join("\n")}`).toEqual([]);
      }
    },
  );

  /** After a restore etcd had other leases at the revisions that nodes knew. */
  test.for([228, 1545, 3871, 4974, 5763])("survive what once broke them, seed %i", async (seed) => {
    const { violations, trace } = await runHistory(seed, STEPS);
    expect(violations, trace.join("\n")).toEqual([]);
  });

  test("are the same for the same seed", async () => {
    expect(await runHistory(7, STEPS)).toEqual(await runHistory(7, STEPS));
  });
});
