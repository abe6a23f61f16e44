/**
 * Runs a cluster: `npm run cluster:up -- --nodes 3 --families dual --proxy nftables --version 1.34 [--image FILE.tar]…
 * [--directory FOR-LOGS]` until it is interrupted or `npm run cluster:down [-- NAME… | --all]` ends it; `npm run cluster:kubectl -- get nodes` runs kubectl on it.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { access, constants } from "node:fs/promises";
import type { Io } from "../../src/cli/io.ts";
import { TweedError } from "../../src/runtime/error.ts";
import { waitUntil } from "../smoke/wait-until.ts";
import { runCommand } from "../support/run-command.ts";
import { Cluster } from "./cluster.ts";
import { chooseClusters, parseDown } from "./down-options.ts";
import { parseUp } from "./options.ts";
import { signalProcess } from "./process-tree.ts";
import { type ClusterRecord, isOwned, readRecords } from "./records.ts";
import { sweep, sweepUnrecorded } from "./sweep.ts";

const [command, ...args] = process.argv.slice(2);

await runCommand(async (io) => {
  if (command === "up") return up(io);
  if (command === "kubectl") return kubectl();
  if (command === "down") return down(io);
  io.complain("usage: npm run cluster:up | cluster:kubectl | cluster:down");
  return 2;
});

async function up({ say, signal }: Io): Promise<number> {
  const { options, images } = parseUp(args);
  for (const image of images)
    await access(image, constants.R_OK).catch((error: Error) => {
      throw new TweedError({ code: "usage", operation: `read --image ${image}`, reason: error.message });
    });
  const cluster = await Cluster.start({ ...options, signal }, say, images);
  try {
    say(
      `kubectl: npm run cluster:kubectl -- get nodes\nnext: apply deploy/kube-tweed.yml as CONTRIBUTING.md describes\nlogs: ${cluster.logs}\nend it: Ctrl-C, or npm run cluster:down`,
    );
    if (!signal.aborted) await once(signal, "abort");
  } finally {
    await cluster.stop();
  }
  return 0;
}

async function kubectl(): Promise<number> {
  const running = await runningClusters();
  const [record, ...others] = running;
  if (record === undefined || record.kubectl === null || others.length > 0) {
    const reason =
      record === undefined
        ? "no cluster runs; start one with npm run cluster:up"
        : others.length > 0
          ? `several clusters run: ${running.map(({ name }) => name).join(" ")}`
          : `${record.name} is still being started`;
    throw new TweedError({ code: "no-cluster", operation: "run kubectl", reason });
  }
  const [program = "", ...words] = record.kubectl;
  const child = spawn(program, [...words, ...args], { stdio: "inherit" });
  const [exitCode] = await once(child, "close");
  return typeof exitCode === "number" ? exitCode : 1;
}

/** Ends the only cluster, the named ones, or with --all every one; removes what killed programs have left. */
async function down({ say, signal }: Io): Promise<number> {
  const { all, names } = parseDown(args);
  const running = await runningClusters();
  const chosen = all ? running : chooseClusters(running, names);
  for (const record of chosen) {
    const { name, owner } = record;
    signalProcess(owner.pid, "SIGTERM");
    await waitUntil(`end ${name}`, signal, async () =>
      (await isOwned(record)) ? `process ${owner.pid} is still there` : null,
    );
  }
  for (const { name } of chosen) say(`ended ${name}`);
  const left: string[] = [];
  for (const record of await readRecords()) {
    if (await isOwned(record)) continue;
    await sweep(record, signal);
    if (!chosen.some(({ name }) => name === record.name)) left.push(record.name);
  }
  left.push(...(await sweepUnrecorded(signal)));
  for (const name of left) say(`removed what ${name} had left`);
  if (chosen.length + left.length === 0) say("no cluster runs");
  return 0;
}

async function runningClusters(): Promise<ClusterRecord[]> {
  const running = [];
  for (const record of await readRecords()) if (await isOwned(record)) running.push(record);
  return running;
}
