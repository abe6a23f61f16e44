/** The bundle of the code under test: one target from its task to its report. */
import { seededRandom } from "../support/seeded-random.ts";
import { Corpus } from "./corpus.ts";
import { CurrentInput } from "./engine/current-input.ts";
import { type Guide, Session, type SessionReport } from "./engine/session.ts";
import type { WorkerTask } from "./engine/worker-task.ts";
import { TARGETS } from "./targets/index.ts";

export async function fuzz(
  { target: name, inputs, seconds, shapes, seed, shared }: WorkerTask,
  guide: Guide,
  onProgress: (inputs: number) => void,
): Promise<SessionReport> {
  const target = TARGETS.find((each) => each.name === name);
  if (target === undefined) throw new Error(`no such target: ${name}`);
  const current = new CurrentInput(shared);
  const options = { inputs, seconds, shapes, guide, onProgress, random: seededRandom(seed) };
  const session = new Session(target, new Corpus(name), {
    ...options,
    onInput: (input) => current.put(input),
  });
  return session.run();
}
