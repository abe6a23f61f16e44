/**
 * Processor time of one run: the least of several, in a thread whose code is compiled and has no coverage. Other programs
 * on the machine, collections of garbage and threads of the compiler delay some runs and not all, so that the least is the
 * time on an idle machine.
 */
import { type FuzzTarget, runTarget } from "../target.ts";

/** Runs go on while one was quicker than all before, within bounds. */
const RUNS = { least: 7, withoutGain: 5, most: 60 };

export async function cpuMsOf(target: FuzzTarget, input: Uint8Array): Promise<number> {
  let least = Number.POSITIVE_INFINITY;
  for (let run = 1, lastGain = 0; run <= RUNS.most; run++) {
    const took = await onceCpuMs(target, input);
    if (took < least * 0.98) lastGain = run;
    least = Math.min(least, took);
    if (run >= RUNS.least && run - lastGain >= RUNS.withoutGain) break;
  }
  return least;
}

export async function onceCpuMs(target: FuzzTarget, input: Uint8Array): Promise<number> {
  const before = process.cpuUsage();
  await runTarget(target, input).catch(() => undefined);
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}
