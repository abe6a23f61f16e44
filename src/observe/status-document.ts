/** /status: the state of this node as JSON, for people and for tools that look at one node. */
import type { JsonObject } from "../runtime/json.ts";
import type { Page } from "./health-server.ts";

/** Fields are only ever added. Nothing in it is a secret: the listener is open to the network. */
export interface StatusDocument {
  readonly version: string;
  readonly ready: boolean;
  /** Why the node is not ready; empty when it is. */
  readonly reasons: readonly string[];
  /** Conditions that block pods' packets, or may, although the node may be ready. */
  readonly notes: readonly StatusNote[];
  /** For each condition, why it does not hold; null when it does. */
  readonly conditions: Readonly<Record<string, string | null>>;
  readonly configuration: {
    /** Why the newest network configuration is not in force; null when it is. */
    readonly refused: string | null;
    /** Configurations refused since the start. */
    readonly refusals: number;
  };
  /** Which backend carries packets to each peer, and why. */
  readonly peers: readonly { readonly peer: string; readonly channel: string; readonly reason: string }[];
  /** Leases without a path, and why. */
  readonly unreached: readonly { readonly peer: string; readonly code: string; readonly reason: string }[];
  readonly withdrawals: WithdrawalCounts;
  /** For each invariant why it is violated, or null, and how often it was since the start. */
  readonly invariants: Readonly<Record<string, { readonly reason: string | null; readonly total: number }>>;
  /** Status of the backend `udp`, in its own format; null while the kernel forwards all packets. */
  readonly dataplane: JsonObject | null;
  /** The same of other backends that need more than kernel objects, by type. */
  readonly effectors: Readonly<Record<string, JsonObject | null>>;
  readonly firewall: FirewallReport;
}

export interface StatusNote {
  readonly topic: string;
  readonly reason: string;
  /** RFC 3339. */
  readonly since: string;
}

/** Mass withdrawals. */
export interface WithdrawalCounts {
  /** Peers that the store no longer lists, and that stay until another reading confirms it. */
  readonly heldBack: number;
  /** Mass withdrawals since the start. */
  readonly begun: number;
  /** Peers of them that were withdrawn, and that the store listed again. */
  readonly withdrawn: number;
  readonly returned: number;
}

export interface FirewallReport {
  /** Which program writes the rules: "nftables", "iptables", or null for none. */
  readonly writer: string | null;
  /** Features that the node lacks although it is ready. */
  readonly notes: readonly string[];
  /** Forged packets, by reason; null without a packet filter. */
  readonly refused: Readonly<Record<string, { readonly packets: number; readonly bytes: number }>> | null;
}

export function statusPage(document: StatusDocument): Page {
  return { status: 200, contentType: "application/json", body: `${JSON.stringify(document)}\n` };
}
