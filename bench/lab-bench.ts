/** Every mode in a lab of its own on this machine, all labs up at once: an idle one costs next to nothing. */
import { requirePrograms } from "../src/lab/requirements.ts";
import { TweedError } from "../src/runtime/error.ts";
import { Guard, MAX_LABS } from "./guard.ts";
import { runHeats } from "./heats.ts";
import { readHostFacts } from "./host-facts.ts";
import { buildLabTarget, type LabTarget } from "./lab-target.ts";
import { measurementOf } from "./measurement.ts";
import { describeMode, type Mode } from "./modes.ts";
import { type BenchPlan, estimateS, heatsOf } from "./plan.ts";
import { describeHeat, formatSpan } from "./progress.ts";
import type { RunRecord } from "./result.ts";
import { measure } from "./target.ts";
import { describeUnderlay, type LabUnderlay, setUnderlay } from "./underlay.ts";

const WARM_UP_S = 1;
/** Share of the cores that others may keep busy without a word about it. */
const BUSY = 0.5;

/** Removes all it made, also when it fails, is told to stop, or is killed. */
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
    const heats = heatsOf(plan);
    say(`${heats.length * modes.length} measurements, ${formatSpan(estimateS(heats, plan, modes.length))}`);
    const measured = await runHeats(
      plan,
      targets,
      {
        async prepare(underlay) {
          for (const { lab } of targets) await setUnderlay(lab, underlay, signal);
        },
        done: (heat, samples, leftS) => say(describeHeat(heat, plan.rounds, samples, leftS)),
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
  // One after the other: a failure then leaves nobody who goes on building while the guard removes.
  for (const [index, mode] of modes.entries()) {
    signal.throwIfAborted();
    targets.push(await buildLabTarget(mode, index, tweed));
  }
  return targets;
}

/** Until the daemons' code has been optimised, and to fail early where a mode carries nothing. */
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
