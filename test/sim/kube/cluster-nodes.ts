/** Nodes as kubelets register them, and podCIDRs as the controller manager assigns them. */

import { type Ipv4, type Ipv4Prefix, parseIpv4Prefix, prefixOf } from "../../../src/net/index.ts";
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
const REPLACEMENT_MS = 20_000;
const DEFAULT_CLUSTER_CIDR = parseIpv4Prefix("10.244.0.0/16");

export class ClusterNodes {
  readonly #world: StoreWorld;
  readonly #server: SimulatedApiServer;
  /** Nodes with a running kubelet. */
  readonly #kubelets = new Map<string, Ipv4 | null>();
  #clusterCidr = DEFAULT_CLUSTER_CIDR;
  #assigned = 0;

  constructor(world: StoreWorld, server: SimulatedApiServer) {
    this.#world = world;
    this.#server = server;
  }

  /**
   * Assigns podCIDRs within this network from now on. An operator replaces the Nodes of the network before, some time
   * later.
   */
  assignFrom(network: Ipv4Prefix): void {
    this.#clusterCidr = network;
    for (const [name, ip] of this.#kubelets)
      if (ip !== null) this.#later(REPLACEMENT_MS, () => this.#replaceOutside(name));
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

  #replaceOutside(name: string): void {
    const node = this.#server.standIn.nodes.get(name);
    const podCidr = node === null ? null : podCidrOf(node);
    if (podCidr === null || isInside(this.#clusterCidr, podCidr as Ipv4Prefix)) return;
    this.recreate(name);
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

function podCidrOf({ spec }: StoredObject): string | null {
  const { podCIDR } = isJsonObject(spec ?? null) ? (spec as JsonObject) : {};
  return typeof podCIDR === "string" && podCIDR !== "" ? podCIDR : null;
}

/** The podCIDR of this index, modulo their number. */
function podCidrAt(clusterCidr: string, index: number): string {
  const [base = "", length = "16"] = clusterCidr.split("/");
  const count = 2 ** Math.max(0, POD_CIDR_LENGTH - Number(length));
  const first = base.split(".").reduce((sum, byte) => sum * 256 + Number(byte), 0);
  const number = first + (index % count) * 256;
  const bytes = [24, 16, 8, 0].map((shift) => Math.floor(number / 2 ** shift) % 256);
  return prefixOf(bytes.join(".") as Ipv4, POD_CIDR_LENGTH);
}
