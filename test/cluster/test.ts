/**
 * Tweed on real clusters: `npm run test:cluster`, with `-- --version 1.34,1.37 --families v4,dual --proxy iptables,nftables`
 * on each of them. Prints a line for each check and a table at the end; the exit code is 1 when a check failed.
 */
import { join } from "node:path";
import type { Io } from "../../src/cli/io.ts";
import { messageOf } from "../../src/runtime/error.ts";
import { type Column, isClean, report } from "../matrix/report.ts";
import { formatOutcome, type Outcome } from "../smoke/outcome.ts";
import { runCommand } from "../support/run-command.ts";
import { dnsServiceIp, serviceCidrs } from "./address-plan.ts";
import { CheckBed, type ClusterCheck } from "./checks/check.ts";
import { CHECKS } from "./checks/checks.ts";
import { INSTALLATION } from "./checks/daemons.ts";
import { workloadManifest } from "./checks/workload.ts";
import { Cluster } from "./cluster.ts";
import { diagnose } from "./diagnosis.ts";
import { agnhostImage, corednsImage, networkPoliciesImage, pauseImage } from "./images/test-images.ts";
import { tweedImage } from "./images/tweed-image.ts";
import { corednsManifest, networkPoliciesManifest } from "./manifests/add-ons.ts";
import { type ClusterKind, nameOfKind, parseTestOptions, type TestOptions } from "./test-options.ts";

await runCommand(async (io) => {
  const options = parseTestOptions(process.argv.slice(2));
  const checks = CHECKS.filter((check) => isChosen(check, options));
  const columns: Column[] = [];
  for (const kind of options.kinds) {
    io.say(`\n# Kubernetes ${nameOfKind(kind)}, ${options.nodes} nodes`);
    columns.push({ place: nameOfKind(kind), outcomes: await testOn(kind, checks, options, io) });
  }
  const titles = checks.map(({ title }) => title);
  io.say(`\n${report(titles, columns)}`);
  return isClean(titles, columns) ? 0 : 1;
});

function isChosen(check: ClusterCheck, { isShort, only }: TestOptions): boolean {
  if (check === INSTALLATION) return true;
  return (check.isShort || !isShort) && check.title.includes(only);
}

async function testOn(
  kind: ClusterKind,
  checks: readonly ClusterCheck[],
  { nodes, directory }: TestOptions,
  { say, signal }: Io,
): Promise<Outcome[]> {
  const tweed = await tweedImage(say);
  const agnhost = await agnhostImage(kind.version, say);
  const addOns = [await corednsImage(say), await networkPoliciesImage(say)];
  const images = [await pauseImage(kind.version, say), agnhost, ...addOns, tweed].map(
    ({ archive }) => archive,
  );
  const logs =
    directory === null ? {} : { directory: join(directory, nameOfKind(kind).replaceAll(" ", "-")) };
  const cluster = await Cluster.start({ ...kind, ...logs, nodes, signal }, say, images);
  const outcomes: Outcome[] = [];
  try {
    const { families } = kind;
    await cluster.apply(workloadManifest(agnhost.names[0] ?? "", families));
    await cluster.apply(await corednsManifest(dnsServiceIp(families)));
    await cluster.apply(await networkPoliciesManifest(serviceCidrs(families)));
    const bed = new CheckBed(cluster, tweed.names[0] ?? "", signal);
    for (const check of checks) {
      const outcome = await outcomeOf(check, bed);
      outcomes.push(outcome);
      say(formatOutcome(outcome));
      if (outcome.verdict === "FAILED") for (const finding of await diagnose(cluster)) say(`  ${finding}`);
      signal.throwIfAborted();
    }
  } finally {
    await cluster.stop();
  }
  return outcomes;
}

async function outcomeOf({ title, run }: ClusterCheck, bed: CheckBed): Promise<Outcome> {
  try {
    return { title, verdict: "ok", detail: await run(bed) };
  } catch (error) {
    return { title, verdict: "FAILED", detail: messageOf(error) };
  }
}
