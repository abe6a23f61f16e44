import { readFile } from "node:fs/promises";
import { readConfiguration } from "../agent/configuration/configuration.ts";
import { readCommandLine } from "../config/daemon-options.ts";
import type { LeaseSnapshot } from "../lease/lease.ts";
import type { LeaseStore } from "../lease/store.ts";
import { systemClock } from "../runtime/clock.ts";
import { messageOf, TweedError } from "../runtime/error.ts";
import { linkedAbort } from "../runtime/linked-abort.ts";
import { nodeFiles } from "../runtime/node-files.ts";
import { systemRandom } from "../runtime/random.ts";
import { withDeadline } from "../runtime/timer.ts";
import type { Command } from "./command.ts";
import { EXIT } from "./exit-code.ts";
import type { Io } from "./io.ts";
import { leaseLines } from "./lease-list.ts";
import { openStore } from "./open-store.ts";
import { StoreCause } from "./store-cause.ts";

const USAGE = `usage: tweed store leases          [flags]   list the leases, and why some are refused
       tweed store configure FILE  [flags]   check a network configuration and write it to the store
       tweed store release KEY     [flags]   delete a lease; a running daemon claims it again
The flags say which store, as for \`tweed run\`: --etcd-endpoints, --etcd-prefix, --store=file --store-path DIR, …`;

const TIMEOUT_MS = 10_000;
/** The leases themselves were there in this time. */
const CONFIGURATION_MS = 1_000;

export const store: Command = async (words, io) => {
  const firstFlag = words.findIndex((word) => word.startsWith("-"));
  const [verb, subject, ...more] = firstFlag < 0 ? words : words.slice(0, firstFlag);
  const line = readCommandLine(firstFlag < 0 ? [] : words.slice(firstFlag), io.environment);
  if (line.kind === "usage-error") throw line.error;
  const action = verb === undefined || more.length > 0 ? null : actionOf(verb, subject, io);
  if (line.kind !== "run" || action === null) {
    (line.kind === "help" ? io.say : io.complain)(USAGE);
    return line.kind === "help" ? EXIT.ok : EXIT.usage;
  }
  const stop = linkedAbort(io.signal);
  const cause = new StoreCause(() => stop.abort());
  const surroundings = { clock: systemClock, random: systemRandom, files: nodeFiles, log: cause };
  const opened = await openStore(line.options.store, surroundings, { mayCreate: verb === "configure" });
  const act = async (timeout: AbortSignal) => {
    const ended = linkedAbort(stop.signal, timeout);
    try {
      await action(opened, ended.signal);
    } catch (error) {
      if (io.signal.aborted || !ended.signal.aborted) throw error;
      const late = `no answer within ${TIMEOUT_MS / 1000} s; check the flags that say where the store is`;
      throw new TweedError({
        code: "store-unavailable",
        operation: `${verb} in the ${opened.name} store`,
        reason: cause.reason ?? late,
        cause: error,
      });
    } finally {
      ended.abort();
    }
  };
  try {
    await withDeadline(systemClock, TIMEOUT_MS, act);
    return EXIT.ok;
  } finally {
    stop.abort();
    await opened.close();
  }
};

type Action = (store: LeaseStore, signal: AbortSignal) => Promise<void>;

function actionOf(verb: string, subject: string | undefined, io: Io): Action | null {
  if (verb === "leases" && subject === undefined) return (opened, signal) => listLeases(opened, signal, io);
  if (verb === "configure" && subject !== undefined)
    return (opened, signal) => configure(opened, subject, signal, io);
  if (verb === "release" && subject !== undefined) return (opened, signal) => opened.release(subject, signal);
  return null;
}

async function listLeases(opened: LeaseStore, signal: AbortSignal, io: Io): Promise<void> {
  for await (const snapshot of opened.snapshots(signal)) {
    const configuration = await configurationOf(opened, signal);
    for (const line of linesOf(snapshot, configuration, opened, io)) io.say(line);
    return;
  }
}

/** null where the store has none, for which it would wait. */
function configurationOf(opened: LeaseStore, signal: AbortSignal): Promise<string | null> {
  return withDeadline(systemClock, CONFIGURATION_MS, async (timeout) => {
    const ended = linkedAbort(signal, timeout);
    try {
      for await (const text of opened.configurations(ended.signal)) return text;
    } catch (error) {
      if (!ended.signal.aborted) throw error;
      signal.throwIfAborted();
    } finally {
      ended.abort();
    }
    return null;
  });
}

function linesOf(
  snapshot: LeaseSnapshot,
  configuration: string | null,
  { subnets }: LeaseStore,
  io: Io,
): readonly string[] {
  try {
    if (configuration === null) io.complain("tweed: no network configuration, no lease is marked as refused");
    return leaseLines(snapshot, configuration, subnets);
  } catch (error) {
    io.complain(`tweed: no lease is marked as refused: ${messageOf(error)}`);
    return leaseLines(snapshot, null, subnets);
  }
}

/** Checks the configuration first: the store must not hold one that every daemon would refuse. */
async function configure(opened: LeaseStore, file: string, signal: AbortSignal, io: Io): Promise<void> {
  const text = await readFile(file, "utf8").catch((error: unknown) => {
    throw new TweedError({
      code: "usage",
      operation: `read ${file}`,
      reason: messageOf(error),
      cause: error,
    });
  });
  for (const doubt of readConfiguration(text, file).doubts) io.complain(`tweed: ${file}: ${doubt}`);
  await opened.configure(text, signal);
}
