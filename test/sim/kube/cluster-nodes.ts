/** Nodes as kubelets register them, and podCIDRs as the controller manager assigns them. */

import {
  type Ipv4,
  type Ipv4Prefix,
  nthAddress,
  parseIpv4Prefix,
  prefixLength,
  prefixOf,
} from "../../../src/net/index.ts";
import type { JsonObject } from "../../../src/runtime/json.ts";
import { isJsonObject } from "../../../src/runtime/json.ts";
import { nodeObject } from "../../support/kube-api/node-object.ts";
import type { StoredObject } from "../../support/kube-api/object-table.ts";
import { isInside } from "../ipv4.ts";
import type { StoreWorld } from "../store.ts";
import type { SimulatedApiServer } from "./simulated-api-server.ts";

/** A kubelet notices that its Node is gone at its next report, and the controller manager assigns soon after. */
const REGISTRATION_MS = 5_000;
const ASSIGNMENT_MS = 500;
const POD_CIDR_LENGTH = 24;
const DEFAULT_CLUSTER_CIDR = parseIpv4Prefix("10.244.0.0/16");

export class ClusterNodes {
  readonly #world: StoreWorld;
  readonly #server: SimulatedApiServer;
  /** Nodes with a running kubelet. */
  readonly #kubelets = new Map<string, Ipv4 | null>();
  #clusterCidr: Ipv4Prefix = DEFAULT_CLUSTER_CIDR;
  #assigned = 0;

  constructor(world: StoreWorld, server: SimulatedApiServer) {
    this.#world = world;
    this.#server = server;
  }

  /** The controller manager starts again with this `--cluster-cidr`; Nodes of another are made anew. */
  renumber(clusterCidr: Ipv4Prefix): void {
    this.#clusterCidr = clusterCidr;
    this.#server.whenServing(() => {
      for (const name of this.#kubelets.keys()) {
        const podCidr = this.podCidrOf(name);
        if (podCidr !== null && !isInside(clusterCidr, podCidr)) this.#server.standIn.nodes.delete(name);
      }
      this.registerMissing();
    });
  }

  /** null for a Node that has none, or is not there. */
  podCidrOf(name: string): Ipv4Prefix | null {
    const node = this.#server.standIn.nodes.get(name);
    return node === null ? null : podCidrOf(node);
  }

  isKnown(name: string): boolean {
    return this.#kubelets.has(name);
  }

  /** Starts the kubelet, which registers the Node unless it exists. */
  start(name: string, ip: Ipv4 | null): void {
    if (this.#kubelets.has(name)) return;
    this.#kubelets.set(name, ip);
    this.#server.whenServing(() => this.#register(name));
  }

  /** Ends the kubelet and deletes its Node. */
  stop(name: string): void {
    this.#kubelets.delete(name);
    this.#server.whenServing(() => this.#server.standIn.nodes.delete(name));
  }

  /** Deletes the Node; its kubelet registers it again, and it gets another podCIDR. */
  recreate(name: string): void {
    this.#server.whenServing(() => {
      this.#server.standIn.nodes.delete(name);
      this.registerMissing();
    });
  }

  /** Kubelets register their Nodes where those are gone, and each Node gets a podCIDR that has none. */
  registerMissing(): void {
    for (const name of this.#kubelets.keys()) {
      if (this.#server.standIn.nodes.text(name) === null)
        this.#later(REGISTRATION_MS, () => this.#register(name));
      else this.#later(ASSIGNMENT_MS, () => this.#assign(name));
    }
  }

  #later(mostMs: number, act: () => void): void {
    const { time, random } = this.#world;
    time.wakeAt(time.nowMs + random.below(mostMs), () => this.#server.whenServing(act));
  }

  #register(name: string): void {
    const ip = this.#kubelets.get(name);
    if (ip === undefined || this.#server.standIn.nodes.text(name) !== null) return;
    const node = nodeObject(name);
    const status = node.status as JsonObject;
    const addresses = ip === null ? {} : { addresses: [{ type: "InternalIP", address: ip }] };
    this.#server.admin("POST", "/api/v1/nodes", { ...node, status: { ...status, ...addresses } });
    this.#later(ASSIGNMENT_MS, () => this.#assign(name));
  }

  #assign(name: string): void {
    const node = this.#server.standIn.nodes.get(name);
    if (node === null || podCidrOf(node) !== null) return;
    const podCIDR = this.#freePodCidr();
    this.#server.admin("PATCH", `/api/v1/nodes/${name}`, { spec: { podCIDR, podCIDRs: [podCIDR] } });
  }

  /** As the controller manager, the next one that is free: those of deleted Nodes come last. */
  #freePodCidr(): string {
    const { nodes } = this.#server.standIn;
    const taken = new Set(
      nodes.page(Number.POSITIVE_INFINITY, null).items.map((text) => podCidrOf(JSON.parse(text))),
    );
    for (;;) {
      const podCidr = podCidrAt(this.#clusterCidr, ++this.#assigned);
      if (!taken.has(podCidr)) return podCidr;
    }
  }
}

function podCidrOf({ spec }: StoredObject): Ipv4Prefix | null {
  const { podCIDR } = isJsonObject(spec ?? null) ? (spec as JsonObject) : {};
  return typeof podCIDR === "string" && podCIDR !== "" ? parseIpv4Prefix(podCIDR) : null;
}

/** The podCIDR of this index, modulo their number. */
function podCidrAt(clusterCidr: Ipv4Prefix, index: number): Ipv4Prefix {
  const count = 2 ** Math.max(0, POD_CIDR_LENGTH - prefixLength(clusterCidr));
  const address = nthAddress(clusterCidr, (index % count) * 2 ** (32 - POD_CIDR_LENGTH));
  return prefixOf(address, POD_CIDR_LENGTH);
}
