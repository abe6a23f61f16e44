/** Announces the network of this node's pods in subnet.env, the CNI configuration and the store. */
import type { LocalHost } from "../../../backends/backend.ts";
import type { DaemonOptions } from "../../config/daemon-options.ts";
import type { ObservedState } from "../../kernel/observed.ts";
import type { Lease } from "../../lease/lease.ts";
import type { DualPrefix, Prefix } from "../../net/index.ts";
import type { NodeNotes } from "../reports/node-notes.ts";
import { NOT_READY_YET, type ReadyCondition } from "../reports/node-readiness.ts";
import type { Readiness } from "../reports/readiness.ts";
import type { Surroundings } from "../underlay/host.ts";
import { NodeCni } from "./node-cni.ts";
import { PodStartGate } from "./pod-start-gate.ts";
import { SubnetFile } from "./subnet-file.ts";

export interface PodNetworkParts extends Surroundings {
  readonly options: Pick<DaemonOptions, "subnetFile" | "firewall" | "cni">;
  readonly readiness: Readiness<ReadyCondition>;
  readonly notes: NodeNotes;
}

export class PodNetwork {
  readonly #parts: PodNetworkParts;
  readonly #subnetFile: SubnetFile;
  readonly #cni: NodeCni;
  readonly #gate: PodStartGate;

  /**
   * @param networks of this cluster, present and former
   * @param earlier the subnets of subnet.env, as an earlier daemon left it
   */
  constructor(parts: PodNetworkParts, networks: readonly Prefix[], earlier: DualPrefix) {
    this.#parts = parts;
    this.#subnetFile = new SubnetFile(parts.options, parts);
    this.#cni = new NodeCni(parts, networks);
    this.#gate = new PodStartGate(earlier);
  }

  async run(signal: AbortSignal): Promise<void> {
    await Promise.all([this.#subnetFile.run(signal), this.#cni.run(signal)]);
  }

  /** To be called with each kernel state: the pod bridge may have changed. */
  observe(observed: ObservedState): void {
    this.#cni.observe(observed);
  }

  /**
   * Cheap when nothing has changed.
   * @param findMissing returns what is missing of this node's own part of the data path, or null
   */
  offer(
    { subnets }: Lease,
    { networks }: LocalHost,
    mtuBytes: number,
    findMissing: () => string | null,
  ): void {
    const missing = this.#gate.blockedBy(subnets, findMissing);
    if (missing !== null) {
      const reason = `${NOT_READY_YET.subnetFile}: the data path of this node is not in place (${missing})`;
      this.#parts.readiness.fails("subnetFile", reason);
      return;
    }
    // Pods get no addresses of a skipped family.
    const offered = {
      v4: networks.v4 === null ? null : subnets.v4,
      v6: networks.v6 === null ? null : subnets.v6,
    };
    const network = { networks, subnets: offered, mtuBytes };
    this.#subnetFile.put(network);
    this.#cni.put(network);
    this.#parts.store.networkIsUp?.();
  }
}
