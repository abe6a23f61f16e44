/** All faults at random, changes of the backend, and pods that come and go, under traffic, while what daemons hold is sampled. */
import { setTimeout as sleep } from "node:timers/promises";
import { readCarriers } from "../../src/lab/carriers.ts";
import { messageOf } from "../../src/runtime/error.ts";
import type { Random } from "../../src/runtime/random.ts";
import type { Bed } from "../faults/bed.ts";
import { FAULTS } from "../faults/catalogue.ts";
import { type Fault, isForwardedByKernel } from "../faults/fault.ts";
import { carrierOf } from "../faults/kernel-faults.ts";
import { inflict } from "../faults/occurrence.ts";
import { whyAbsent } from "../smoke/kernel-feature.ts";
import { waitUntil } from "../smoke/wait-until.ts";
import { shuffled } from "../support/seeded-random.ts";
import { ExtraPods } from "./extra-pods.ts";
import type { SoakRecord } from "./record.ts";
import { Sampler } from "./sample.ts";

/** The first nodes' daemons are never restarted: their memory is what a slope is computed of. */
export const STEADY_NODES = 2;
const SAMPLE_EVERY_MS = 10_000;
const BACKENDS = ["vxlan", "host-gw", "udp"] as const;
/** Of ten acts. */
const [CHANGES, PODS] = [1, 2];
const MOST_PAUSE_MS = 2000;
/** Consecutive failures of repair. */
const MOST_FAILURES = 3;

export interface Soak {
  readonly bed: Bed;
  readonly record: SoakRecord;
  readonly random: Random;
  readonly say: (line: string) => void;
  readonly signal: AbortSignal;
}

/** Ends when the signal aborts. @throws when the lab is never right again */
export async function soak({ bed, record, random, say, signal }: Soak): Promise<void> {
  const steadyFaults = await availableFaults(say);
  const pods = new ExtraPods(bed.lab, random);
  let failures = 0;
  let queue: Fault[] = [];
  const act = async () => {
    const dice = random.below(10);
    if (dice < CHANGES) return changeBackend(bed, random, record, signal);
    if (dice < PODS) {
      record.note({ event: "change", what: await pods.change(signal), lost: 0, broken: [] });
      return;
    }
    // Each once before any comes again.
    if (queue.length === 0) queue = shuffled(steadyFaults, random);
    const fault = queue.pop();
    if (fault === undefined || bed.whyNot(fault) !== null) return;
    const candidates = fault.restarts === true ? bed.lab.nodes.slice(STEADY_NODES) : bed.lab.nodes;
    const occurrence = await inflict(bed, fault, signal, candidates);
    record.note({ event: "fault", ...occurrence });
    for (const violation of occurrence.violations)
      say(`${fault.title} on ${occurrence.victim}: ${violation}`);
    if (occurrence.repairMs === null) throw new Error(`${fault.title} is not repaired`);
  };
  const ending = new AbortController();
  const sampling = keepSampling(bed, record, AbortSignal.any([signal, ending.signal]));
  try {
    while (!signal.aborted) {
      try {
        await act();
        failures = 0;
        await sleep(random.below(MOST_PAUSE_MS), undefined, { signal });
      } catch (error) {
        if (signal.aborted) break;
        record.note({ event: "failure", what: "act", reason: messageOf(error) });
        say(messageOf(error));
        failures += 1;
        if (failures === MOST_FAILURES) throw error;
      }
    }
  } finally {
    ending.abort();
    await sampling;
  }
}

async function availableFaults(say: (line: string) => void): Promise<readonly Fault[]> {
  const available: Fault[] = [];
  for (const fault of FAULTS) {
    const reasons = (await Promise.all((fault.needs ?? []).map(whyAbsent))).filter((why) => why !== null);
    if (reasons.length === 0) available.push(fault);
    else say(`${fault.title}: not on this kernel`);
  }
  return available;
}

async function changeBackend(
  bed: Bed,
  random: Random,
  record: SoakRecord,
  signal: AbortSignal,
): Promise<void> {
  const others = BACKENDS.filter((type) => type !== bed.backend);
  const type = others[random.below(others.length)] ?? BACKENDS[0];
  const what = `${bed.backend} to ${type}`;
  const isKernels = isForwardedByKernel(bed.backend) && isForwardedByKernel(type);
  // The previous backend's objects stay for its grace time.
  bed.right.forget();
  const losses = await bed.traffic.during(async () => {
    await bed.lab.configure({ Type: type });
    bed.backend = type;
    await waitUntil(`all pairs by ${type}`, signal, async () => {
      const devices = new Set(Object.values(await readCarriers(bed.lab)));
      return devices.size === 1 && devices.has(carrierOf(type)) ? null : [...devices].join(", ");
    });
    await bed.untilRight();
  });
  signal.throwIfAborted();
  const lost = losses.pairs.reduce((sum, pair) => sum + pair.lost, 0);
  record.note({ event: "change", what, lost, broken: losses.broken });
  if (losses.broken.length > 0 || (isKernels && lost > 0)) {
    const reason = `${lost} pings lost, broken streams: ${losses.broken.join(", ") || "none"}`;
    record.note({ event: "failure", what, reason });
  }
}

async function keepSampling(bed: Bed, record: SoakRecord, signal: AbortSignal): Promise<void> {
  const sampler = new Sampler(bed.lab);
  while (!signal.aborted) {
    try {
      record.note({ event: "sample", backend: bed.backend, ...(await sampler.read()) });
      await sleep(SAMPLE_EVERY_MS, undefined, { signal });
    } catch (error) {
      if (signal.aborted) return;
      record.note({ event: "failure", what: "sample", reason: messageOf(error) });
      await sleep(SAMPLE_EVERY_MS, undefined, { signal }).catch(() => {});
    }
  }
}
