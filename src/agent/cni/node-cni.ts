/** Provides the CNI plugins with their configuration, and checks that they can use the pod bridge. */
import type { DaemonOptions } from "../../config/daemon-options.ts";
import type { Kernel } from "../../kernel/kernel.ts";
import { describeOperation } from "../../kernel/objects/operation-kinds.ts";
import type { ObservedState } from "../../kernel/observed.ts";
import type { Prefix } from "../../net/index.ts";
import { Alarm } from "../../runtime/alarm.ts";
import type { Clock } from "../../runtime/clock.ts";
import { TweedError } from "../../runtime/error.ts";
import type { Files } from "../../runtime/files.ts";
import type { Log } from "../../runtime/log.ts";
import { isSameData } from "../../runtime/same-data.ts";
import type { NodeNotes } from "../reports/node-notes.ts";
import { CNI_NOT_READY_YET, type ReadyCondition } from "../reports/node-readiness.ts";
import type { Readiness } from "../reports/readiness.ts";
import { type BridgeFindings, findBridge, inspectBridge, type ObservedBridge } from "./bridge.ts";
import { CniConfFile } from "./conf-file.ts";
import type { CniNetwork } from "./conflist.ts";

export interface NodeCniParts {
  readonly options: Pick<DaemonOptions, "cni">;
  readonly kernel: Pick<Kernel, "apply">;
  readonly readiness: Readiness<ReadyCondition>;
  readonly notes: NodeNotes;
  readonly files: Files;
  readonly clock: Clock;
  readonly log: Log;
}

const RETRY_MS = 10_000;
const FAULT_OP = { conf: "write-cni-conf", bridge: "check-bridge" } as const;
const FAULT_MESSAGE = {
  conf: "CNI configuration not written, will retry",
  bridge: "pod bridge unusable",
} as const;

export class NodeCni {
  readonly #parts: NodeCniParts;
  readonly #networks: readonly Prefix[];
  readonly #confFile: CniConfFile | null;
  /** Rings when the bridge or its desired addresses have changed. */
  readonly #alarm: Alarm;
  readonly #faults: { conf: string | null; bridge: string | null };
  #network: CniNetwork | null = null;
  #bridge: ObservedBridge | null = null;

  /** @param networks of this cluster, present and former */
  constructor(parts: NodeCniParts, networks: readonly Prefix[]) {
    const { files, clock, log, options } = parts;
    this.#parts = parts;
    this.#networks = networks;
    this.#alarm = new Alarm(clock);
    const onCheck = (fault: string | null) => this.#report("conf", fault);
    const onPreceding = (reasons: readonly string[]) => parts.notes.set("cni", reasons);
    this.#confFile = options.cni && new CniConfFile(options.cni, { files, clock, log, onCheck, onPreceding });
    this.#faults = { conf: options.cni && CNI_NOT_READY_YET.cni, bridge: null };
  }

  /** To be called once pods can start on this network. Cheap when nothing has changed. */
  put({ subnets, mtuBytes }: CniNetwork): void {
    const network = { subnets, mtuBytes };
    if (isSameData(network, this.#network)) return;
    this.#network = network;
    this.#confFile?.put(network);
    this.#alarm.ring();
  }

  /** To be called whenever links or addresses have changed. */
  observe(observed: ObservedState): void {
    const bridge = findBridge(observed);
    if (isSameData(bridge, this.#bridge)) return;
    this.#bridge = bridge;
    this.#alarm.ring();
  }

  async run(signal: AbortSignal): Promise<void> {
    await Promise.all([this.#confFile?.run(signal), this.#watchBridge(signal)]);
  }

  async #watchBridge(signal: AbortSignal): Promise<never> {
    let waitMs = Number.POSITIVE_INFINITY;
    for (;;) {
      await this.#alarm.sleep(waitMs, signal);
      const { leftovers, fault } = this.#inspect();
      this.#report("bridge", fault);
      waitMs = (await this.#delete(leftovers)) ? Number.POSITIVE_INFINITY : RETRY_MS;
    }
  }

  #inspect(): BridgeFindings {
    if (this.#network === null || this.#bridge === null) return { leftovers: [], fault: null };
    const { subnets } = this.#network;
    const isOurConf = this.#confFile !== null;
    return inspectBridge(this.#bridge, { subnets, networks: this.#networks, isOurConf });
  }

  /** @returns true when all of them are gone */
  async #delete(leftovers: BridgeFindings["leftovers"]): Promise<boolean> {
    if (leftovers.length === 0) return true;
    const { kernel, log } = this.#parts;
    const operations = leftovers.map(
      ({ iface, ip, length }) => ({ op: "delete-address", address: { iface, ip, length } }) as const,
    );
    const outcomes = await kernel.apply(operations).catch((error: unknown) => {
      // The whole request failed, which the reconciler reports as well.
      if (error instanceof TweedError) return operations.map(() => error);
      throw error;
    });
    for (const [index, operation] of operations.entries()) {
      const failure = outcomes[index] ?? null;
      const op = describeOperation(operation);
      if (failure === null) log.info({ op }, "address of an earlier subnet removed from the bridge");
      else
        log.warn(
          { op, code: failure.code, reason: failure.message },
          "address of an earlier subnet not removed from the bridge",
        );
    }
    return outcomes.every((outcome) => outcome === null);
  }

  /**
   * Logs a fault once, and again when its reason changes. It affects readiness only where this daemon writes the CNI
   * configuration.
   */
  #report(part: keyof typeof FAULT_MESSAGE, fault: string | null): void {
    const { log, readiness } = this.#parts;
    if (fault !== null && fault !== this.#faults[part]) {
      log.warn({ op: FAULT_OP[part], reason: fault }, FAULT_MESSAGE[part]);
    }
    this.#faults[part] = fault;
    if (this.#confFile === null) return;
    const faults = [this.#faults.conf, this.#faults.bridge].filter((each) => each !== null);
    if (faults.length === 0) readiness.holds("cni");
    else readiness.fails("cni", faults.join("; "));
  }
}
