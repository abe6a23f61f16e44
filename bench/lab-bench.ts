/** Every mode in a lab of its own on this machine, all labs up at once: an idle one costs almost nothing. */
import { requirePrograms } from "../src/lab/requirements.ts";
import { TweedError } from "../src/runtime/error.ts";
import { Guard, MAX_LABS } from "./guard.ts";
import { readHostFacts } from "./host-facts.ts";
import { buildLabTarget, type LabTarget } from "./lab-target.ts";
import { measurementOf } from "./measurement.ts";
import { describeMode, type Mode } from "./modes.ts";
import { type BenchPlan, blocksOf, estimateS } from "./plan.ts";
import { describeBlock, formatSpan } from "./progress.ts";
import type { RunRecord } from "./result.ts";
import { runPlan } from "./run-plan.ts";
import { measure } from "./target.ts";
import { describeUnderlay, type LabUnderlay, setUnderlay } from "./underlay.ts";

const WARM_UP_S = 1;
/** Other programs may use this share of the cores without a warning. */
const BUSY = 0.5;

/** Removes all its objects, also after a failure, a signal or a kill. */
export async function benchInLabs(
  modes: readonly Mode[],
  plan: BenchPlan<LabUnderlay>,
  tweed: readonly string[],
  say: (line: string) => void,
  signal: AbortSignal,
): Promise<RunRecord> {
  checkNumber(modes);
  const needsEtcd = modes.some((mode) => mode.otherDaemon !== null);
  await requirePrograms(["ip", "iperf3", "ping", "ethtool", ...(needsEtcd ? (["etcd"] as const) : [])], say);
  const host = await readHostFacts();
  if (host.load > host.cores * BUSY) {
    say(`the machine is busy: its load is ${host.load}; figures will be low and far apart`);
  }
  const guard = await Guard.start(tweed);
  try {
    say(`building ${modes.length} labs: ${modes.map((mode) => mode.name).join(", ")}`);
    const targets = await buildAll(modes, tweed, signal);
    await warmUp(targets, signal);
    const blocks = blocksOf(plan);
    say(`${blocks.length * modes.length} measurements, ${formatSpan(estimateS(blocks, plan, modes.length))}`);
    const measured = await runPlan(
      plan,
      targets,
      {
        async prepare(underlay) {
          for (const { lab } of targets) await setUnderlay(lab, underlay, signal);
        },
        done: (block, samples, leftS) => say(describeBlock(block, plan.rounds, samples, leftS)),
      },
      signal,
    );
    return {
      hosts: [host],
      modes: modes.map((mode) => ({ name: mode.name, about: describeMode(mode) })),
      underlays: plan.underlays.map((name) => ({ name, about: describeUnderlay(name) })),
      ...measured,
    };
  } finally {
    await guard.dismiss();
  }
}

async function buildAll(
  modes: readonly Mode[],
  tweed: readonly string[],
  signal: AbortSignal,
): Promise<LabTarget[]> {
  const targets: LabTarget[] = [];
  // One after the other: after a failure no build continues while the guard removes the labs.
  for (const [index, mode] of modes.entries()) {
    signal.throwIfAborted();
    targets.push(await buildLabTarget(mode, index, tweed));
  }
  return targets;
}

/** Runs until the daemons' code has been optimised, and fails early if a mode carries no packets. */
async function warmUp(targets: readonly LabTarget[], signal: AbortSignal): Promise<void> {
  for (const target of targets) await measure(target, measurementOf("tcp"), WARM_UP_S, signal);
}

function checkNumber(modes: readonly Mode[]): void {
  if (modes.length <= MAX_LABS) return;
  throw new TweedError({
    code: "usage",
    operation: "read --modes and --external",
    reason: `${modes.length} modes are named, expected at most ${MAX_LABS}`,
  });
}
