/** The composition root of the daemon: creates every part that has side effects, and passes it on. */
import { createServer } from "node:http";
import { dirname } from "node:path";
import { EFFECTORS } from "../../backends/effectors.ts";
import { BACKENDS } from "../../backends/registry.ts";
import { Agent } from "../agent/agent.ts";
import { Effectors } from "../agent/effectors.ts";
import { HostFirewall } from "../agent/firewall/host-firewall.ts";
import { RefusalWatch } from "../agent/firewall/refusal-watch.ts";
import { identityFile, readOwnIdentity } from "../agent/identity/own-identity.ts";
import { NodeNotes } from "../agent/reports/node-notes.ts";
import { notReadyYet, type ReadyCondition } from "../agent/reports/node-readiness.ts";
import { NodeReport } from "../agent/reports/node-report.ts";
import { Readiness } from "../agent/reports/readiness.ts";
import { SdNotify } from "../agent/reports/sd-notify.ts";
import { type DaemonOptions, describeOptions, readCommandLine } from "../config/daemon-options.ts";
import { LinuxFirewall } from "../kernel/firewall/access.ts";
import { openLibc } from "../kernel/libc/libc.ts";
import { LinuxKernel } from "../kernel/linux-kernel.ts";
import { applyOnce } from "../kernel/reconcile/apply-once.ts";
import { readSysctl } from "../kernel/sysctl.ts";
import { type HealthServer, probeRoutes, startHealthServer } from "../observe/health-server.ts";
import { metricsPage } from "../observe/node-metrics.ts";
import { type StatusDocument, statusPage } from "../observe/status-document.ts";
import { systemClock } from "../runtime/clock.ts";
import { messageOf, TweedError } from "../runtime/error.ts";
import { linkedAbort } from "../runtime/linked-abort.ts";
import type { Log } from "../runtime/log.ts";
import { nodeFiles } from "../runtime/node-files.ts";
import { systemRandom } from "../runtime/random.ts";
import { returnSpareMemory } from "../runtime/spare-memory.ts";
import type { Command } from "./command.ts";
import { daemonLog } from "./daemon-log.ts";
import { EXIT } from "./exit-code.ts";
import type { Io } from "./io.ts";
import { openStore } from "./open-store.ts";
import { limitHeapGrowth, openProcessMemory } from "./process-memory.ts";
import { VERSION } from "./version.ts";

/** Ends with 0 after a signal, with 1 after a failure; the data path stays in place in both cases. */
export const runDaemon: Command = async (words, io) => {
  const line = readCommandLine(words, io.environment);
  switch (line.kind) {
    case "help":
      io.say(line.usage);
      return EXIT.ok;
    case "version":
      io.complain(VERSION);
      return EXIT.ok;
    case "usage-error":
      throw line.error;
    case "run": {
      limitHeapGrowth();
      const log = daemonLog(line.options.logLevel);
      log.info({ op: "start", version: VERSION, options: describeOptions(line.options) }, "starting");
      for (const reason of line.warnings)
        log.warn({ op: "start", reason }, "command line accepted with a warning");
      return runAgent(line.options, log, io);
    }
  }
};

async function runAgent(options: DaemonOptions, log: Log, io: Io): Promise<number> {
  const surroundings = { clock: systemClock, random: systemRandom, files: nodeFiles, log };
  const ended = linkedAbort(io.signal);
  const { signal } = ended;
  const { udp } = options;
  const places = { directory: dirname(options.subnetFile), programDirectory: __dirname };
  const made = EFFECTORS.map((each) => each.create({ ...surroundings, ...places, udp }));
  const effectors = new Effectors(made, surroundings);
  // Before everything else: packets are lost until the data plane carries again what the last daemon carried.
  const kernel = await LinuxKernel.open({ log }).catch((error: unknown) => logFailure(error, log));
  if (kernel === null) return EXIT.failed;
  await effectors.resume((state) => applyOnce(kernel, state));
  const effectorsRun = effectors.run(signal).catch((error: unknown) => ended.abort(error));
  const refusalWatches = made
    .flatMap(({ refusals }) => refusals ?? [])
    .map((access) =>
      new RefusalWatch({ ...surroundings, access }).run(signal).catch(() => {
        // It ends with the daemon; its failure ends nothing else.
      }),
    );
  const memoryTrimming = returnSpareMemory(await openProcessMemory(), surroundings, signal).catch(() => {
    // It ends with the daemon; its failure ends nothing else.
  });
  const notify = await SdNotify.open(options.notifySocket, log);
  const readiness = announcedReadiness(notReadyYet(effectors.notReadyYet, options.cni !== null), log, notify);
  const report = new NodeReport();
  const notes = new NodeNotes(surroundings);
  const firewall = new HostFirewall({
    ...surroundings,
    access: new LinuxFirewall(await openLibc(), io.environment.PATH ?? ""),
    resyncMs: options.firewall.resyncIntervalMs,
  });
  const reporters = { readiness, report, notes, effectors, firewall };
  let health: HealthServer | null = null;
  try {
    if (options.health !== null) {
      const routes = {
        ...probeRoutes(
          () => readiness.reasons(),
          () => notes.list().map(({ reason }) => reason),
        ),
        "/status": async () => statusPage(await statusOf(reporters)),
        "/metrics": async () => metricsPage(await statusOf(reporters)),
      };
      health = await startHealthServer({ ...options.health, ...surroundings, routes, createServer });
    }
    const store = await openStore(options.store, surroundings);
    try {
      const identity = store.identifiesNodes
        ? null
        : await readOwnIdentity(identityFile(options.subnetFile), surroundings);
      const parts = {
        ...{ ...surroundings, ...reporters, options, store, kernel },
        ...{ readSysctl, identity, backends: BACKENDS },
      };
      await new Agent(parts).run(signal);
      if (!io.signal.aborted) throw signal.reason;
    } finally {
      await store.close();
    }
    log.info({ op: "stop" }, "stopped, data path left in place");
    return EXIT.ok;
  } catch (error) {
    if (error instanceof TweedError && error.code === "usage") throw error;
    logFailure(error, log);
    return EXIT.failed;
  } finally {
    notify.stopping();
    await health?.close();
    ended.abort(new Error("the daemon ends"));
    await Promise.all([effectorsRun, ...refusalWatches, memoryTrimming]);
  }
}

function logFailure(error: unknown, log: Log): null {
  log.error({ op: "run", reason: messageOf(error), err: error }, "daemon failed");
  return null;
}

interface Reporters {
  readonly readiness: Readiness<ReadyCondition>;
  readonly report: NodeReport;
  readonly notes: NodeNotes;
  readonly effectors: Effectors;
  readonly firewall: HostFirewall;
}

async function statusOf(reporters: Reporters): Promise<StatusDocument> {
  const { readiness, report, firewall } = reporters;
  const { udp = null, ...effectors } = reporters.effectors.status();
  const reasons = readiness.reasons();
  const { writer, notes } = firewall.status();
  return {
    version: VERSION,
    ready: reasons.length === 0,
    reasons,
    notes: reporters.notes.list().map(({ topic, reason, sinceWallMs }) => {
      return { topic, reason, since: new Date(sinceWallMs).toISOString() };
    }),
    conditions: readiness.conditions(),
    configuration: { refused: report.refusal, refusals: report.refusals },
    peers: report.paths,
    unreached: report.unreached,
    withdrawals: report.withdrawals,
    invariants: report.invariants,
    dataplane: udp,
    effectors,
    firewall: { writer, notes, refused: await firewall.refusalCounts() },
  };
}

/** Logs when the node becomes ready and when it no longer is, and notifies systemd. */
function announcedReadiness(
  notYet: Readonly<Record<string, string>>,
  log: Log,
  notify: SdNotify,
): Readiness<ReadyCondition> {
  let wasReady = false;
  return new Readiness<ReadyCondition>(notYet, (reasons) => {
    const isReady = reasons.length === 0;
    if (isReady && !wasReady) {
      log.info({ op: "ready" }, "ready");
      notify.ready("ready");
    } else if (!isReady && wasReady) {
      log.warn({ op: "ready", reasons }, "no longer ready");
    }
    if (!isReady) notify.status(reasons.join("; "));
    wasReady = isReady;
  });
}
