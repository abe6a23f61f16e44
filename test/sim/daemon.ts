/** One run of the daemon on a simulated host, composed as in `src/cli/run.ts`. */

import { BACKENDS } from "../../backends/registry.ts";
import { UdpDataplane } from "../../backends/udp/dataplane.ts";
import { FORWARDING_FILE, SavedForwarding } from "../../backends/udp/saved-forwarding.ts";
import type { UdpSession } from "../../backends/udp/session.ts";
import { Agent } from "../../src/agent/agent.ts";
import { Effectors } from "../../src/agent/effectors.ts";
import type { Firewall } from "../../src/agent/firewall/node-firewall.ts";
import { identityFile, readOwnIdentity } from "../../src/agent/identity/own-identity.ts";
import { NodeNotes } from "../../src/agent/reports/node-notes.ts";
import { notReadyYet, type ReadyCondition } from "../../src/agent/reports/node-readiness.ts";
import { NodeReport } from "../../src/agent/reports/node-report.ts";
import { Readiness } from "../../src/agent/reports/readiness.ts";
import { readCommandLine } from "../../src/config/daemon-options.ts";
import type { Kernel } from "../../src/kernel/kernel.ts";
import { applyOnce } from "../../src/kernel/reconcile/apply-once.ts";
import type { LeaseStore } from "../../src/lease/store.ts";
import type { Ipv4, Ipv6 } from "../../src/net/index.ts";
import type { Files } from "../../src/runtime/files.ts";
import { LimitedLog } from "../../src/runtime/limited-log.ts";
import type { Log } from "../../src/runtime/log.ts";
import type { Random } from "../../src/runtime/random.ts";
import type { FakeUdpSessions } from "../support/fake-udp-sessions.ts";
import type { Life } from "./life.ts";
import type { LifeClock } from "./life-clock.ts";
import type { StoreHost } from "./store.ts";

/** The parts of the host that a daemon uses. */
export interface DaemonSurroundings {
  readonly name: string;
  readonly ip: Ipv4;
  readonly ip6: Ipv6 | null;
  readonly life: Life;
  readonly clock: LifeClock;
  readonly random: Random;
  readonly files: Files;
  readonly log: Log;
  readonly kernel: Kernel;
  readonly sessions: FakeUdpSessions;
  readonly flags: readonly string[];
  readonly readSysctl: (path: string) => string | null;
  onReadiness(): void;
  openStore(host: StoreHost): Promise<LeaseStore>;
  openFirewall(life: Life): Firewall;
}

export const RUN_DIRECTORY = "/run/flannel";
export const SUBNET_FILE = `${RUN_DIRECTORY}/subnet.env`;

export class SimulatedDaemon {
  readonly life: Life;
  readonly report = new NodeReport();
  readonly readiness: Readiness<ReadyCondition>;
  /** Resolves with the reason once it has ended by itself or after {@link stop}; null after a stop. */
  readonly ended: Promise<unknown>;
  readonly #stop = new AbortController();

  constructor(surroundings: DaemonSurroundings) {
    this.life = surroundings.life;
    const notYet = notReadyYet({ dataplane: "not running yet" }, false);
    this.readiness = new Readiness<ReadyCondition>(notYet, surroundings.onReadiness);
    this.ended = this.#run(surroundings).catch((error: unknown) =>
      this.#stop.signal.aborted ? null : error,
    );
  }

  /** As by SIGTERM. */
  stop(): void {
    this.#stop.abort(new Error("stopped"));
  }

  async #run(host: DaemonSurroundings): Promise<null> {
    const { signal } = this.#stop;
    const { clock, random, files, kernel, life } = host;
    const log = new LimitedLog(host.log, clock);
    const line = readCommandLine([`--subnet-file=${SUBNET_FILE}`, ...host.flags], {});
    if (line.kind !== "run") throw new Error("the command line is refused");
    const surroundings = { clock, random, files, log };
    const dataplane = new UdpDataplane({ queues: 1, offload: "auto" }, surroundings, {
      script: "none",
      saved: new SavedForwarding(`${RUN_DIRECTORY}/${FORWARDING_FILE}`, surroundings),
      openSession: (forwarding, pool) => openSession(host, () => host.sessions.open(forwarding, pool)),
    });
    const effectors = new Effectors([dataplane], surroundings);
    await effectors.resume((state) => applyOnce(kernel, state));
    effectors.run(signal).catch(() => {});
    const notes = new NodeNotes(surroundings);
    const { name, ip, ip6 } = host;
    const store = await host.openStore({ name, ip, ip6, clock, random, files, log, life });
    try {
      const identity = store.identifiesNodes
        ? null
        : await readOwnIdentity(identityFile(SUBNET_FILE), surroundings);
      const { report, readiness } = this;
      const firewall = host.openFirewall(life);
      const { options } = line;
      const { readSysctl } = host;
      await new Agent({
        ...{ ...surroundings, report, readiness, notes, effectors, firewall, options, store, kernel },
        ...{ readSysctl, identity, backends: BACKENDS },
      }).run(signal);
      return null;
    } finally {
      await store.close();
    }
  }
}

/** A session that is still being opened when the process is killed goes with it. */
async function openSession(
  { life, sessions }: DaemonSurroundings,
  open: () => Promise<UdpSession>,
): Promise<UdpSession> {
  await life.step();
  const session = await open();
  if (life.isOver) sessions.closeAll();
  return life.result(Promise.resolve(session));
}
