/** Nodes as kubelets register them, and podCIDRs as the controller manager assigns them. */

import {
  type Ipv4,
  type Ipv4Prefix,
  type Ipv6,
  type Ipv6Prefix,
  nthAddress,
  parseIpv4Prefix,
  prefixAddress,
  prefixLength,
  prefixOf,
} from "../../../src/net/index.ts";
import type { JsonObject } from "../../../src/runtime/json.ts";
import { isJsonObject } from "../../../src/runtime/json.ts";
import { nodeObject } from "../../support/kube-api/node-object.ts";
import type { StoredObject } from "../../support/kube-api/object-table.ts";
import { isInside } from "../ip-ranges.ts";
import type { StoreWorld } from "../store.ts";
import type { SimulatedApiServer } from "./simulated-api-server.ts";

/** A kubelet notices that its Node is gone at its next report, and the controller manager assigns soon after. */
const REGISTRATION_MS = 5_000;
const ASSIGNMENT_MS = 500;
/** A kubelet reports changed addresses within this time. */
const REPORT_MS = 1_000;
const POD_CIDR_LENGTH = 24;
const DEFAULT_CLUSTER_CIDR = parseIpv4Prefix("10.244.0.0/16");

export class ClusterNodes {
  readonly #world: StoreWorld;
  readonly #server: SimulatedApiServer;
  /** Nodes with a running kubelet. */
  readonly #kubelets = new Map<string, readonly (Ipv4 | Ipv6)[]>();
  #clusterCidr: Ipv4Prefix = DEFAULT_CLUSTER_CIDR;
  /** null without IPv6. */
  #clusterCidr6: Ipv6Prefix | null;
  #assigned = 0;

  constructor(world: StoreWorld, server: SimulatedApiServer) {
    this.#world = world;
    this.#server = server;
    this.#clusterCidr6 = world.network6 ?? null;
  }

  /** The controller manager starts again with this `--cluster-cidr`; Nodes of another are made anew. */
  renumber(clusterCidr: Ipv4Prefix, clusterCidr6: Ipv6Prefix | null): void {
    this.#clusterCidr = clusterCidr;
    this.#clusterCidr6 = clusterCidr6;
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

  /** Starts the kubelet, which registers the Node unless it exists. */
  start(name: string, ip: Ipv4 | null, ip6: Ipv6 | null = null): void {
    if (this.#kubelets.has(name)) return;
    this.#kubelets.set(
      name,
      [ip, ip6].filter((each) => each !== null),
    );
    this.#server.whenServing(() => this.#register(name));
  }

  changeAddresses(name: string, ip: Ipv4, ip6: Ipv6 | null): void {
    if (!this.#kubelets.has(name)) return;
    const ips = [ip, ip6].filter((each) => each !== null);
    this.#kubelets.set(name, ips);
    this.#later(REPORT_MS, () => this.#report(name));
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
      else {
        this.#later(ASSIGNMENT_MS, () => this.#assign(name));
        this.#later(REPORT_MS, () => this.#report(name));
      }
    }
  }

  #later(mostMs: number, act: () => void): void {
    const { time, random } = this.#world;
    time.wakeAt(time.nowMs + random.below(mostMs), () => this.#server.whenServing(act));
  }

  #register(name: string): void {
    const ips = this.#kubelets.get(name);
    if (ips === undefined || this.#server.standIn.nodes.text(name) !== null) return;
    const node = nodeObject(name);
    const status = node.status as JsonObject;
    this.#server.admin("POST", "/api/v1/nodes", { ...node, status: { ...status, ...internalIps(ips) } });
    this.#later(ASSIGNMENT_MS, () => this.#assign(name));
  }

  #report(name: string): void {
    const { addresses } = internalIps(this.#kubelets.get(name) ?? []);
    if (addresses === undefined || this.#server.standIn.nodes.text(name) === null) return;
    // As a kubelet does it: without the directive, addresses of one type would replace each other.
    const status = { addresses: [...addresses, { $patch: "replace" }] };
    this.#server.admin("PATCH", `/api/v1/nodes/${name}/status`, { status });
  }

  #assign(name: string): void {
    const node = this.#server.standIn.nodes.get(name);
    if (node === null || podCidrOf(node) !== null) return;
    const podCIDR = this.#freePodCidr();
    const podCIDR6 = this.#clusterCidr6 === null ? [] : [podCidr6At(this.#clusterCidr6, this.#assigned)];
    const spec = { podCIDR, podCIDRs: [podCIDR, ...podCIDR6] };
    this.#server.admin("PATCH", `/api/v1/nodes/${name}`, { spec });
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

function podCidr6At(clusterCidr: Ipv6Prefix, index: number): string {
  return `${prefixAddress(clusterCidr).replace("::", "")}:${(index % 256).toString(16)}::/64`;
}

/** Without addresses for an author that is no host. */
function internalIps(ips: readonly (Ipv4 | Ipv6)[]): { readonly addresses?: readonly JsonObject[] } {
  return ips.length === 0 ? {} : { addresses: ips.map((address) => ({ type: "InternalIP", address })) };
}

/** The podCIDR of this index, modulo their number. */
function podCidrAt(clusterCidr: Ipv4Prefix, index: number): Ipv4Prefix {
  const count = 2 ** Math.max(0, POD_CIDR_LENGTH - prefixLength(clusterCidr));
  const address = nthAddress(clusterCidr, (index % count) * 2 ** (32 - POD_CIDR_LENGTH));
  return prefixOf(address, POD_CIDR_LENGTH);
}
