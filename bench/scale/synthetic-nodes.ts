/** The other nodes of the cluster: what each publishes at the moment, which is the truth for the daemon's kernel. */
import { createHash } from "node:crypto";
import type { HostIdentity } from "../../src/lease/host-identity.ts";
import type { BackendOffer, Lease, LeaseContent } from "../../src/lease/lease.ts";
import { type Ipv4, ipv4FromBits } from "../../src/net/index.ts";
import { peerLease, peerMac } from "../control/peers.ts";

/** Backends that a node publishes, the preferred one first: both while it switches. */
export type Offered = "vxlan" | "host-gw and vxlan" | "host-gw";

export interface SyntheticNode {
  readonly index: number;
  readonly isPresent: boolean;
  /** Raised by each new value. */
  readonly mac: number;
  readonly address: number;
  readonly boot: number;
  readonly offered: Offered;
}

/** 198.18.32.0: on the daemon's link, so that host-gw can be used, and beside the lab's own addresses. */
const FIRST_ADDRESS = 0xc612_2000;
/** As many as an address of each generation has room for. */
const MAX_NODES = 8191;
const ADDRESS_GENERATIONS = 7;
const GENERATION_SIZE = 8192;

export class SyntheticNodes {
  readonly #nodes: SyntheticNode[];

  constructor(count: number) {
    if (count > MAX_NODES)
      throw new Error(`${count} nodes, at most ${MAX_NODES} have addresses of their own`);
    this.#nodes = Array.from({ length: count }, (_, index) => ({
      index,
      isPresent: true,
      mac: 0,
      address: 0,
      boot: 0,
      offered: "vxlan",
    }));
  }

  get all(): readonly SyntheticNode[] {
    return this.#nodes;
  }

  get present(): readonly SyntheticNode[] {
    return this.#nodes.filter(({ isPresent }) => isPresent);
  }

  change(index: number, change: (node: SyntheticNode) => Partial<SyntheticNode>): SyntheticNode {
    const node = this.#nodes[index];
    if (node === undefined) throw new RangeError(`no node ${index}`);
    const changed = { ...node, ...change(node) };
    this.#nodes[index] = changed;
    return changed;
  }
}

export function leaseOf(node: SyntheticNode): Lease & { readonly identity: HostIdentity } {
  const { key, subnets, claimedAt } = peerLease(node.index);
  const content: LeaseContent = {
    publicIps: { v4: addressOf(node), v6: null },
    offers: offersOf(node),
  };
  return { key, subnets, claimedAt, ...content, identity: identityOf(node) };
}

export function addressOf({ index, address }: SyntheticNode): Ipv4 {
  return ipv4FromBits(FIRST_ADDRESS + (address % ADDRESS_GENERATIONS) * GENERATION_SIZE + index);
}

function offersOf({ index, mac, offered }: SyntheticNode): LeaseContent["offers"] {
  const vxlan: BackendOffer = {
    type: "vxlan",
    data: { v4: { VNI: 1, VtepMAC: peerMac(index, mac) }, v6: null },
  };
  const hostGw: BackendOffer = { type: "host-gw", data: { v4: null, v6: null } };
  if (offered === "vxlan") return [vxlan];
  return offered === "host-gw" ? [hostGw] : [hostGw, vxlan];
}

/** As Tweed publishes it. */
function identityOf({ index, boot }: SyntheticNode): HostIdentity {
  const mark = (what: string) => createHash("md5").update(`${what} ${index}`).digest("hex");
  return {
    id: mark("id"),
    hostName: `worker-${String(index + 1).padStart(5, "0")}`,
    machineId: mark("machine"),
    product: mark("product"),
    boot: mark(`boot ${boot}`),
    netns: mark(`netns ${boot}`),
  };
}
