/** A short run of every fuzz target, and its whole corpus; `npm run fuzz` runs them for as long as you like. */
import { describe, expect, it } from "vitest";
import { Corpus } from "../fuzz/corpus.ts";
import { Mutator } from "../fuzz/mutation/mutator.ts";
import { type FuzzTarget, runTarget } from "../fuzz/target.ts";
import { TARGETS } from "../fuzz/targets/index.ts";
import { runs } from "../support/property-runs.ts";
import { seededRandom } from "../support/seeded-random.ts";

const environment: { readonly FUZZ_SEED?: string } = process.env;
const seed = Number(environment.FUZZ_SEED ?? 1);
const { numRuns } = runs(1200);

async function expectHandled(target: FuzzTarget, input: Uint8Array, origin: string): Promise<void> {
  const failure = await runTarget(target, input).then(
    () => null,
    (error: unknown) => error,
  );
  if (failure === null) return;
  const text = JSON.stringify(Buffer.from(input).toString("latin1")).slice(0, 1000);
  throw new Error(`${target.name}, ${origin}: ${text}`, { cause: failure });
}

describe.each(TARGETS)("$name", (target) => {
  const known = [...target.seeds, ...new Corpus(target.name).inputs()];

  it("handles its corpus", async () => {
    expect(known.length).toBeGreaterThan(0);
    for (const input of known) await expectHandled(target, input, "corpus");
  });

  it("handles mutations of it", async () => {
    const mutator = new Mutator({ ...target, maxBytes: 8192 }, seededRandom(seed));
    for (let run = 0; run < numRuns; run++)
      await expectHandled(target, mutator.next(known), `seed ${seed}, input ${run}`);
  });
});
