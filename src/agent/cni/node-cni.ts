/** What the CNI plugins need of this node: their configuration, and a bridge that they can use. */
import { isDeepStrictEqual } from "node:util";
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
import type { NodeNotes } from "../reports/node-notes.ts";
import { CNI_NOT_READY_YET, type ReadyCondition } from "../reports/node-readiness.ts";
import type { Readiness } from "../reports/readiness.ts";
import { type BridgeVerdict, findBridge, judgeBridge, type ObservedBridge } from "./bridge.ts";
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
  conf: "the CNI configuration is not what it should be",
  bridge: "the bridge of the pods cannot be used",
} as const;

export class NodeCni {
  readonly #parts: NodeCniParts;
  readonly #networks: readonly Prefix[];
  readonly #confFile: CniConfFile | null;
  /** Rings when the bridge, or what it should be, has changed. */
  readonly #alarm: Alarm;
  readonly #faults: { conf: string | null; bridge: string | null };
  #network: CniNetwork | null = null;
  #bridge: ObservedBridge | null = null;

  /** @param networks of this cluster, now and before */
  constructor(parts: NodeCniParts, networks: readonly Prefix[]) {
    const { files, clock, log, options } = parts;
    this.#parts = parts;
    this.#networks = networks;
    this.#alarm = new Alarm(clock);
    const onTurn = (fault: string | null) => this.#report("conf", fault);
    const onEarlier = (reasons: readonly string[]) => parts.notes.set("cni", reasons);
    this.#confFile = options.cni && new CniConfFile(options.cni, { files, clock, log, onTurn, onEarlier });
    this.#faults = { conf: options.cni && CNI_NOT_READY_YET.cni, bridge: null };
  }

  /** To be called when pods can start on it, not before. Cheap when nothing has changed. */
  put({ subnets, mtuBytes }: CniNetwork): void {
    const network = { subnets, mtuBytes };
    if (isDeepStrictEqual(network, this.#network)) return;
    this.#network = network;
    this.#confFile?.put(network);
    this.#alarm.ring();
  }

  /** To be called whenever links or addresses have changed. */
  observe(observed: ObservedState): void {
    const bridge = findBridge(observed);
    if (isDeepStrictEqual(bridge, this.#bridge)) return;
    this.#bridge = bridge;
    this.#alarm.ring();
  }

  async run(signal: AbortSignal): Promise<void> {
    await Promise.all([this.#confFile?.run(signal), this.#keepBridge(signal)]);
  }

  async #keepBridge(signal: AbortSignal): Promise<never> {
    let waitMs = Number.POSITIVE_INFINITY;
    for (;;) {
      await this.#alarm.sleep(waitMs, signal);
      const { leftovers, fault } = this.#judge();
      this.#report("bridge", fault);
      waitMs = (await this.#delete(leftovers)) ? Number.POSITIVE_INFINITY : RETRY_MS;
    }
  }

  #judge(): BridgeVerdict {
    if (this.#network === null || this.#bridge === null) return { leftovers: [], fault: null };
    const { subnets } = this.#network;
    const isOurConf = this.#confFile !== null;
    return judgeBridge(this.#bridge, { subnets, networks: this.#networks, isOurConf });
  }

  /** @returns true when all of them are gone */
  async #delete(leftovers: BridgeVerdict["leftovers"]): Promise<boolean> {
    if (leftovers.length === 0) return true;
    const { kernel, log } = this.#parts;
    const operations = leftovers.map(
      ({ iface, ip, length }) => ({ op: "delete-address", address: { iface, ip, length } }) as const,
    );
    const outcomes = await kernel.apply(operations).catch((error: unknown) => {
      // The kernel could not be asked at all, which the reconciler finds out too.
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
   * A fault is logged once, and again when it has become another one. Where pods are somebody else's business the node
   * is as ready as ever.
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
