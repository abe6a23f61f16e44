/** The bundle of the code under test: one target from its task to its result. */
import { seededRandom } from "../support/seeded-random.ts";
import { Corpus } from "./corpus.ts";
import { CurrentInput } from "./engine/current-input.ts";
import { type Measurement, measure } from "./engine/measurement.ts";
import { type Guide, Search, type SearchReport } from "./engine/search.ts";
import type { MeasureTask, SearchTask } from "./engine/worker-task.ts";
import type { FuzzTarget } from "./target.ts";
import { TARGETS } from "./targets/index.ts";

export async function searchTarget(
  { target: name, inputs, seconds, seed, shared }: SearchTask,
  guide: Guide,
  onProgress: (inputs: number) => void,
): Promise<SearchReport> {
  const current = new CurrentInput(shared);
  const options = { inputs, seconds, guide, onProgress, random: seededRandom(seed) };
  const search = new Search(targetOf(name), new Corpus(name), {
    ...options,
    onInput: (input) => current.put(input),
  });
  return search.run();
}

export async function measureTarget({
  target: name,
  slow,
  shapes,
  seed,
  shared,
}: MeasureTask): Promise<Measurement> {
  const target = targetOf(name);
  const current = new CurrentInput(shared);
  const known = [...target.seeds, ...new Corpus(name).inputs()];
  const options = { slow, shapes, random: seededRandom(seed) };
  return measure(target, known, { ...options, onInput: (input) => current.put(input) });
}

function targetOf(name: string): FuzzTarget {
  const target = TARGETS.find((each) => each.name === name);
  if (target === undefined) throw new Error(`no such target: ${name}`);
  return target;
}
