/**
 * Inflicts each fault several times on labs of six nodes under traffic: `npm run test:faults`. Prints a table of losses and
 * repair times, and ends with 1 when a promise was broken. Requires root; installs iproute2, etcd,
 * nftables and faketime on Debian.
 *
 *     npm run test:faults -- --only '^daemon killed$' --times 3 --backend vxlan,udp --store etcd --seed 7 --json faults.jsonl
 */
import { appendFileSync } from "node:fs";
import { Guard } from "../../bench/guard.ts";
import type { Io } from "../../src/cli/io.ts";
import { requirePrograms } from "../../src/lab/requirements.ts";
import { whyAbsent } from "../smoke/kernel-feature.ts";
import { TWEED } from "../smoke/tweed.ts";
import { runCommand } from "../support/run-command.ts";
import { seededRandom } from "../support/seeded-random.ts";
import { Bed, LAB_NAME } from "./bed.ts";
import { FAULTS } from "./catalogue.ts";
import type { Fault, Setting } from "./fault.ts";
import { inflict, type Occurrence } from "./occurrence.ts";
import { type FaultOptions, readOptions } from "./options.ts";
import { faultTable } from "./table.ts";

await runCommand(async (io) => {
  const options = readOptions(process.argv.slice(2));
  io.complain(`--seed ${options.seed}`);
  await requirePrograms(["ip", "bridge", "nft", "etcd", "faketime"], io.complain);
  const guard = await Guard.start(TWEED);
  const occurrences: Occurrence[] = [];
  try {
    for (const setting of options.settings) {
      await playSetting(setting, options, io, (occurrence) => {
        occurrences.push(occurrence);
        if (options.json !== null) appendFileSync(options.json, `${JSON.stringify(occurrence)}\n`);
        io.complain(describe(occurrence));
      });
    }
  } finally {
    await guard.dismiss();
    if (occurrences.length > 0) io.say(faultTable(occurrences));
  }
  const broken = occurrences.filter(({ violations }) => violations.length > 0);
  for (const each of broken) io.say(`BROKEN: ${describe(each)}`);
  io.say(`${occurrences.length} faults, ${broken.length} with a broken promise; --seed ${options.seed}`);
  return broken.length === 0 && occurrences.length > 0 ? 0 : 1;
});

async function playSetting(
  setting: Setting,
  { only, times, seed, nodes, repairDeadlineMs }: FaultOptions,
  { complain, signal }: Io,
  note: (occurrence: Occurrence) => void,
): Promise<void> {
  const faults = await possible(setting, only, complain);
  if (faults.length === 0) return;
  const random = seededRandom(seed);
  const build = () => Bed.up({ ...setting, name: LAB_NAME, nodes, random, repairDeadlineMs, signal });
  let bed = await build();
  try {
    for (const fault of faults) {
      const whyNot = bed.whyNot(fault);
      if (whyNot !== null) {
        complain(`${fault.title}: ${whyNot}`);
        continue;
      }
      for (let time = 0; time < times; time++) {
        const occurrence = await inflict(bed, fault, signal);
        note(occurrence);
        if (occurrence.repairMs !== null) continue;
        await bed.down();
        bed = await build();
      }
    }
    const { broken } = await bed.traffic.stop();
    if (broken.length > 0) complain(`at the end: ${broken.join(", ")}`);
  } finally {
    await bed.down();
  }
}

/** The faults that were chosen and that this kernel, backend and store can have. */
async function possible(
  setting: Setting,
  only: RegExp,
  complain: (line: string) => void,
): Promise<readonly Fault[]> {
  const faults: Fault[] = [];
  for (const fault of FAULTS) {
    if (!only.test(fault.title) || fault.appliesTo?.(setting) === false) continue;
    const reasons = (await Promise.all((fault.needs ?? []).map(whyAbsent))).filter((why) => why !== null);
    if (reasons.length === 0) faults.push(fault);
    else complain(`${fault.title}: not on this kernel: ${reasons.join("; ")}`);
  }
  return faults;
}

function describe(occurrence: Occurrence): string {
  const { fault, backend, store, victim, lost, gapMs, repairMs, silenceMs, latenessMs, violations } =
    occurrence;
  const repair = repairMs === null ? "not repaired" : `right after ${Math.round(repairMs)} ms`;
  const seen = `${lost} lost, longest gap ${gapMs} ms, ${repair}, streams silent for ${silenceMs} ms, senders late by ${latenessMs} ms`;
  return [`${backend}, ${store}, ${victim}: ${fault}: ${seen}`, ...violations].join("; ");
}
