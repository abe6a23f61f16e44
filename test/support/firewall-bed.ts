/** A firewall keeper at work in a namespace, on a host with the programs of a test's choice. */
import { LinuxFirewall } from "../../src/kernel/firewall/access.ts";
import { FirewallKeeper } from "../../src/kernel/firewall/keeper.ts";
import { countsOf, type RefusalCounts } from "../../src/kernel/firewall/nftables/counters.ts";
import type { RuleSet } from "../../src/kernel/firewall/rule-set.ts";
import { openLibc } from "../../src/kernel/libc/libc.ts";
import {
  FIREWALL_PROGRAMS,
  type ProgramDirectory,
  programDirectory,
} from "../../src/lab/firewall-programs.ts";
import { systemClock } from "../../src/runtime/clock.ts";
import { systemRandom } from "../../src/runtime/random.ts";
import type { Namespace } from "./netns.ts";
import { RecordingLog } from "./recording-log.ts";

/** Programs by the name under which the host has them. */
export const HOSTS = FIREWALL_PROGRAMS;

export interface BedOptions {
  readonly resyncMs?: number;
  readonly enableNftables?: boolean;
}

export class FirewallBed {
  readonly keeper: FirewallKeeper;
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
    const resyncMs = options.resyncMs ?? 60_000;
    this.keeper = new FirewallKeeper({ access, clock: systemClock, random: systemRandom, log, resyncMs });
    this.#run = this.keeper.run(this.#ended.signal).catch(() => {});
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

  /** @returns how long it took until every rule was in its place, in ms */
  async keep(rules: RuleSet): Promise<number> {
    const startMs = performance.now();
    this.keeper.setDesired(rules, this.#enableNftables);
    await this.agreed();
    return performance.now() - startMs;
  }

  /** Resolves when the rules stand; rejects after ten seconds. */
  async agreed(): Promise<void> {
    const deadlineMs = performance.now() + 10_000;
    while (!this.keeper.status().converged) {
      if (performance.now() > deadlineMs) {
        throw new Error(
          `the firewall does not settle: ${JSON.stringify(this.keeper.status())} ${this.log.text()}`,
        );
      }
      await systemClock.sleep(5);
    }
  }

  /** What the packet filter has refused; zeros without one. */
  async refused(): Promise<RefusalCounts> {
    return (await this.keeper.refusalCounts()) ?? countsOf([]);
  }

  async stop(): Promise<void> {
    this.#ended.abort(new Error("the test has ended"));
    await this.#run;
    this.#access.close();
    this.#leave();
    await this.#directory.remove();
  }
}
