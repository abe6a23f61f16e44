/**
 * A few faults of `npm run test:faults`, chosen by a seed: a fault of a daemon and one of the store cost pods nothing where the
 * kernel forwards, and all is right again afterwards.
 */
import { randomInt } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Lab } from "../../src/lab/lab.ts";
import { Bed } from "../faults/bed.ts";
import { FAULTS } from "../faults/catalogue.ts";
import type { Fault, Setting } from "../faults/fault.ts";
import { inflict } from "../faults/occurrence.ts";
import { DEADLINE_MS } from "../support/deadline.ts";
import { seededRandom, shuffled } from "../support/seeded-random.ts";

const NAME = "faults";
const SETTING: Setting = { backend: "vxlan", store: "etcd" };

const seed = Number(process.env.TWEED_SEED ?? randomInt(1_000_000));
console.log(`TWEED_SEED=${seed}`);
const random = seededRandom(seed);
const { signal } = new AbortController();

let bed: Bed;
beforeAll(async () => {
  bed = await Bed.up({ ...SETTING, name: NAME, nodes: 3, random, repairDeadlineMs: DEADLINE_MS, signal });
});
afterAll(async () => {
  await bed?.down();
  await Lab.down(NAME);
});

test.each<Fault["hits"]>(["daemon", "store", "kernel state"])("one of the %s's faults", async (hits) => {
  const [fault] = shuffled(
    FAULTS.filter((each) => each.hits === hits && bed.whyNot(each) === null),
    random,
  );
  if (fault === undefined) throw new Error(`no fault of ${hits}`);
  const { violations } = await inflict(bed, fault, signal);
  expect(violations, fault.title).toEqual([]);
});
