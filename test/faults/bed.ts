/** A lab on which faults are inflicted: traffic, the daemons' files on disks of their own, one node with a clock of its own. */
import { setTimeout as sleep } from "node:timers/promises";
import { labName } from "../../bench/guard.ts";
import { runDirectory } from "../../src/lab/daemon.ts";
import { mountDisk } from "../../src/lab/disk.ts";
import { Lab } from "../../src/lab/lab.ts";
import { type LabNode, type LabSpec, labNodes } from "../../src/lab/topology.ts";
import type { Random } from "../../src/runtime/random.ts";
import { TWEED } from "../smoke/tweed.ts";
import { waitUntil } from "../smoke/wait-until.ts";
import type { Fault, Setting, Stage } from "./fault.ts";
import { RightState } from "./right-state.ts";
import { Traffic } from "./traffic.ts";
import { clockEnvironment } from "./wall-clock.ts";

/** A few files of some 100 bytes, each written twice. */
const DISK_BYTES = 256 * 1024;
const LOOK_EVERY_MS = 20;
/** At least; an emulated machine may be given longer. */
const READY_TIMEOUT_MS = 300_000;

export interface BedOptions extends Setting {
  /** Unique on the machine. */
  readonly name: string;
  readonly nodes: number;
  readonly random: Random;
  /** A fault that lasts longer after its end is not repaired. */
  readonly repairDeadlineMs: number;
  readonly signal: AbortSignal;
}

export class Bed {
  readonly lab: Lab;
  readonly right: RightState;
  readonly traffic: Traffic;
  backend: string;
  readonly #options: BedOptions;
  /** The one node whose wall clock can be set; null without `faketime`. */
  readonly #clockNode: LabNode | null;

  private constructor(
    options: BedOptions,
    parts: Pick<Bed, "lab" | "right" | "traffic"> & { readonly clockNode: LabNode | null },
  ) {
    this.#options = options;
    this.backend = options.backend;
    this.lab = parts.lab;
    this.right = parts.right;
    this.traffic = parts.traffic;
    this.#clockNode = parts.clockNode;
  }

  /** The caller takes it down, also when this fails. */
  static async up(options: BedOptions): Promise<Bed> {
    const { name, nodes, backend, store, signal } = options;
    const spec: LabSpec = {
      name,
      nodes,
      backend: { Type: backend },
      store,
      families: "v4",
      readyTimeoutMs: Math.max(READY_TIMEOUT_MS, options.repairDeadlineMs),
    };
    const environment = await clockEnvironment(name);
    const last = labNodes(spec).at(-1);
    const nodeEnvironment = environment === null || last === undefined ? {} : { [last.name]: environment };
    signal.throwIfAborted();
    const lab = await Lab.up(spec, { tweed: TWEED, extraFlags: [], nodeEnvironment });
    for (const node of lab.nodes) await mountDisk(runDirectory(node), DISK_BYTES);
    // A daemon sees only the mounts that were there when it started.
    for (const node of lab.nodes) {
      await lab.stopDaemon(node, "SIGTERM");
      await lab.startDaemon(node);
    }
    const right = await RightState.of(lab);
    const clockNode = environment === null ? null : (lab.nodes.at(-1) ?? null);
    const bed = new Bed(options, { lab, right, traffic: await Traffic.start(lab, signal), clockNode });
    await bed.untilRight();
    await right.remember();
    return bed;
  }

  /** How long it took, in ms. @throws with what is wrong after a deadline */
  async untilRight(): Promise<number> {
    const startedMs = performance.now();
    const timing = { lookEveryMs: LOOK_EVERY_MS, deadlineMs: this.#options.repairDeadlineMs };
    await waitUntil("right again", this.#options.signal, () => this.right.whatIsWrong(), timing);
    return performance.now() - startedMs;
  }

  /** Why the fault cannot be inflicted here, or null. */
  whyNot(fault: Fault): string | null {
    if (fault.needsClock === true && this.#clockNode === null) return "needs faketime";
    return fault.appliesTo?.(this.setting) === false ? "does not apply" : null;
  }

  get setting(): Setting {
    return { backend: this.backend, store: this.#options.store };
  }

  /** @param candidates nodes that the fault may hit */
  stage(fault: Fault, candidates = this.lab.nodes): Stage {
    const { random, signal } = this.#options;
    const chosen = candidates[random.below(candidates.length)];
    const victim = fault.needsClock === true ? this.#clockNode : chosen;
    if (victim === null || victim === undefined) throw new Error(`${fault.title}: no node for it`);
    const pause = (ms: number) => sleep(ms, undefined, { signal });
    return { ...this.setting, lab: this.lab, victim, candidates, random, sleep: pause };
  }

  async down(): Promise<void> {
    this.right.close();
    await Lab.down(this.lab.spec.name);
  }
}

/** Labs of this program; the benchmark's guard removes them when the program is killed. */
export const LAB_NAME = labName(0);
