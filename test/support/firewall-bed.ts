/** A host firewall that runs in a namespace, on a host with the programs that a test selects. */

import { HostFirewall } from "../../src/agent/firewall/host-firewall.ts";
import { LinuxFirewall } from "../../src/kernel/firewall/access.ts";
import { countsOf, type RefusalCounts } from "../../src/kernel/firewall/nftables/counters.ts";
import { REFUSALS, type Refusal } from "../../src/kernel/firewall/refusal.ts";
import type { RuleSet } from "../../src/kernel/firewall/rule-set.ts";
import { openLibc } from "../../src/kernel/libc/libc.ts";
import {
  FIREWALL_PROGRAMS,
  type ProgramDirectory,
  programDirectory,
} from "../../src/lab/firewall-programs.ts";
import { systemClock } from "../../src/runtime/clock.ts";
import { systemRandom } from "../../src/runtime/random.ts";
import { eventually } from "./eventually.ts";
import type { Namespace } from "./netns.ts";
import { RecordingLog } from "./recording-log.ts";

/** Programs by the name under which the host has them. */
export const HOSTS = FIREWALL_PROGRAMS;

/** Beyond every deadline: only a notification of the kernel can then cause a repair. */
const NEVER_MS = 3_600_000;

export interface BedOptions {
  readonly resyncMs?: number;
  readonly enableNftables?: boolean;
}

export class FirewallBed {
  readonly hostFirewall: HostFirewall;
  readonly log = new RecordingLog();
  readonly #access: LinuxFirewall;
  readonly #ended = new AbortController();
  readonly #run: Promise<unknown>;
  readonly #leave: () => void;
  readonly #directory: ProgramDirectory;
  readonly #enableNftables: boolean;

  private constructor(
    access: LinuxFirewall,
    leave: () => void,
    directory: ProgramDirectory,
    options: BedOptions,
  ) {
    this.#access = access;
    this.#leave = leave;
    this.#directory = directory;
    this.#enableNftables = options.enableNftables ?? false;
    const { log } = this;
    const resyncMs = options.resyncMs ?? NEVER_MS;
    this.hostFirewall = new HostFirewall({ access, clock: systemClock, random: systemRandom, log, resyncMs });
    this.#run = this.hostFirewall.run(this.#ended.signal).catch(() => {});
  }

  /** Moves the main thread into the namespace until {@link stop}. */
  static async start(
    namespace: Namespace,
    programs: Readonly<Record<string, string>>,
    options: BedOptions = {},
  ): Promise<FirewallBed> {
    const directory = await programDirectory(programs);
    const libc = await openLibc();
    return new FirewallBed(
      new LinuxFirewall(libc, directory.path),
      await namespace.enter(),
      directory,
      options,
    );
  }

  /** Resolves when every rule is in place. */
  async keep(rules: RuleSet): Promise<void> {
    this.hostFirewall.setDesired(rules, this.#enableNftables);
    await this.agreed();
  }

  /** Resolves when the rules are in place. */
  async agreed(): Promise<void> {
    const seen = () => ({ ...this.hostFirewall.status(), log: this.log.text() });
    await eventually(seen).toMatchObject({ converged: true });
  }

  /** Packets that the packet filter has refused; zeros without a filter. */
  async refused(): Promise<RefusalCounts> {
    return (await this.hostFirewall.refusalCounts()) ?? countsOf([]);
  }

  /** Packets by reason; a reason for which none was refused is left out. */
  async refusedSince(before: RefusalCounts): Promise<Partial<Record<Refusal, number>>> {
    const now = await this.refused();
    const counts = REFUSALS.map((reason) => [reason, now[reason].packets - before[reason].packets] as const);
    return Object.fromEntries(counts.filter(([, packets]) => packets !== 0));
  }

  /** As when a daemon is stopped. */
  async stop(): Promise<void> {
    this.#ended.abort(new Error("the test has ended"));
    await this.#run;
    await this.hostFirewall.release();
    this.#access.close();
    this.#leave();
    await this.#directory.remove();
  }
}
