/**
 * Runs a cluster: `npm run cluster:up -- --nodes 3 --families dual --proxy nftables --version 1.34 [--image FILE.tar]…
 * [--directory FOR-LOGS]` until it is interrupted or `npm run cluster:down` ends it; `npm run cluster:kubectl -- get nodes` runs kubectl on it.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import type { Io } from "../../src/cli/io.ts";
import { TweedError } from "../../src/runtime/error.ts";
import { waitUntil } from "../smoke/wait-until.ts";
import { runCommand } from "../support/run-command.ts";
import { Cluster } from "./cluster.ts";
import { parseUp } from "./options.ts";
import { signalProcess } from "./process-tree.ts";
import { isOwned, readRecords } from "./records.ts";
import { sweep, sweepUnrecorded } from "./sweep.ts";

const [command, ...args] = process.argv.slice(2);

await runCommand(async (io) => {
  if (command === "up") return up(io);
  if (command === "kubectl") return kubectl();
  // A request for help, or the name of one cluster, must not end all clusters.
  if (command === "down" && args.length === 0) return down(io);
  io.complain(
    "usage: npm run cluster:up | cluster:kubectl | cluster:down; the last takes no arguments and ends every cluster",
  );
  return 2;
});

async function up({ say, signal }: Io): Promise<number> {
  const { options, images } = parseUp(args);
  const cluster = await Cluster.start({ ...options, signal }, say, images);
  try {
    say(
      `kubectl: npm run cluster:kubectl -- get nodes\nlogs: ${cluster.logs}\nend it: Ctrl-C, or npm run cluster:down`,
    );
    if (!signal.aborted) await once(signal, "abort");
  } finally {
    await cluster.stop();
  }
  return 0;
}

async function kubectl(): Promise<number> {
  const running = [];
  for (const record of await readRecords()) if (await isOwned(record)) running.push(record);
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

async function down({ say, signal }: Io): Promise<number> {
  for (const record of await readRecords()) {
    const { name, owner } = record;
    if (await isOwned(record)) {
      signalProcess(owner.pid, "SIGTERM");
      await waitUntil(`end ${name}`, signal, async () =>
        (await isOwned(record)) ? `process ${owner.pid} is still there` : null,
      );
    }
    await sweep(record, signal);
    say(`ended ${name}`);
  }
  for (const name of await sweepUnrecorded(signal)) say(`removed what ${name} had left`);
  return 0;
}
