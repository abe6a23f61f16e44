/**
 * Runs a lab of six nodes under traffic, faults and changes for a long time: `npm run soak`. It writes samples and events to
 * a file as it goes, and at the end says which quantities grew in the second half. Ctrl-C ends it early with the same
 * report. Ends with 1 when something leaked, or a promise was broken. Requires what `npm run test:faults` does.
 *
 *     npm run soak -- --minutes 60 --seed 7 --store etcd --json soak.jsonl
 */
import { parseArgs } from "node:util";
import { Guard } from "../../bench/guard.ts";
import type { Io } from "../../src/cli/io.ts";
import { requirePrograms } from "../../src/lab/requirements.ts";
import { systemClock } from "../../src/runtime/clock.ts";
import { messageOf } from "../../src/runtime/error.ts";
import { systemRandom } from "../../src/runtime/random.ts";
import { withDeadline } from "../../src/runtime/timer.ts";
import { Bed, LAB_NAME } from "../faults/bed.ts";
import type { Setting } from "../faults/fault.ts";
import type { Occurrence } from "../faults/occurrence.ts";
import { readStore, wholeNumber } from "../faults/options.ts";
import { faultTable } from "../faults/table.ts";
import { TWEED } from "../smoke/tweed.ts";
import { runCommand } from "../support/run-command.ts";
import { seededRandom } from "../support/seeded-random.ts";
import { describeGrowth, growthsOf, type SampleEvent } from "./growth.ts";
import { SoakRecord } from "./record.ts";
import { STEADY_NODES, soak } from "./soak.ts";

interface SoakOptions {
  readonly minutes: number;
  readonly seed: number;
  readonly nodes: number;
  readonly store: Setting["store"];
  /** Longer on a busy machine: a fault that lasts longer after its end counts as not repaired. */
  readonly repairDeadlineMs: number;
  readonly json: string;
}

function readOptions(): SoakOptions {
  const { values } = parseArgs({
    options: {
      minutes: { type: "string", default: "60" },
      seed: { type: "string", default: String(systemRandom.below(1_000_000)) },
      nodes: { type: "string", default: "6" },
      store: { type: "string", default: "etcd" },
      "deadline-s": { type: "string", default: "120" },
      json: { type: "string", default: "soak.jsonl" },
    },
  });
  return {
    minutes: wholeNumber("--minutes", values.minutes, 1),
    seed: wholeNumber("--seed", values.seed, 0),
    nodes: wholeNumber("--nodes", values.nodes, STEADY_NODES + 1),
    store: readStore(values.store),
    repairDeadlineMs: 1000 * wholeNumber("--deadline-s", values["deadline-s"], 1),
    json: values.json,
  };
}

await runCommand(async (io) => {
  const options = readOptions();
  const record = new SoakRecord(options.json);
  record.note({ event: "start", seed: options.seed, minutes: options.minutes, store: options.store });
  io.complain(`--seed ${options.seed}; samples and events go to ${options.json}`);
  await requirePrograms(["ip", "bridge", "nft", "etcd", "ping", "faketime"], io.complain);
  const guard = await Guard.start(TWEED);
  try {
    await runSoak(options, record, io);
  } finally {
    await guard.dismiss();
  }
  return report(record, options, io);
});

async function runSoak(options: SoakOptions, record: SoakRecord, { complain, signal }: Io): Promise<void> {
  const { minutes, seed, nodes, store, repairDeadlineMs } = options;
  const random = seededRandom(seed);
  const name = LAB_NAME;
  const bed = await Bed.up({
    name,
    nodes,
    store,
    backend: "vxlan",
    random,
    repairDeadlineMs,
    signal,
  });
  try {
    await withDeadline(systemClock, minutes * 60_000, (over) =>
      soak({ bed, record, random, say: complain, signal: AbortSignal.any([signal, over]) }),
    );
    if (!signal.aborted) {
      const { broken } = await bed.traffic.stop();
      if (broken.length > 0)
        record.note({ event: "failure", what: "streams at the end", reason: broken.join() });
    }
  } catch (error) {
    record.note({ event: "failure", what: "soak", reason: messageOf(error) });
    complain(messageOf(error));
  } finally {
    await bed.down();
  }
}

function report(record: SoakRecord, { nodes, seed }: SoakOptions, { say }: Io): number {
  const samples = record.events.filter(
    (event): event is SampleEvent & typeof event => event.event === "sample",
  );
  const occurrences = record.events.filter(
    (event): event is Occurrence & typeof event => event.event === "fault",
  );
  const failures = record.events.filter((event) => event.event === "failure");
  const steady = Array.from({ length: Math.min(STEADY_NODES, nodes) }, (_, index) => `node${index + 1}`);
  const growths = growthsOf(samples, steady);
  const broken = occurrences.filter(({ violations }) => violations.length > 0);
  if (occurrences.length > 0) say(faultTable(occurrences));
  for (const { fault, backend, victim, violations } of broken)
    say(`BROKEN: ${backend}, ${victim}: ${fault}: ${violations.join("; ")}`);
  for (const { what, reason } of failures) say(`FAILED: ${what}: ${reason}`);
  for (const growth of growths) say(describeGrowth(growth));
  const leaks = growths.filter(({ isLeak }) => isLeak);
  const violations = broken.length + failures.length;
  record.note({ event: "end", growths, violations });
  say(
    `${record.atS} s, ${samples.length} samples, ${occurrences.length} faults, ${violations} broken promises, ` +
      `${leaks.length} leaks; --seed ${seed}`,
  );
  return violations + leaks.length === 0 && samples.length > 0 ? 0 : 1;
}
