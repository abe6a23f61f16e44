/** Why the packet filter refuses a packet. Each reason is a counter of its name. */
export const REFUSALS = [
  /** A VLAN tag inside the tunnel, where no peer sends one. */
  "vlan-tagged",
  /** Neither IPv4 nor IPv6 inside the tunnel: ARP, or noise. */
  "not-ip",
  /** Too short for the headers that decide. */
  "truncated",
  /** The datagram's own source is no peer's tunnel end. */
  "unknown-peer",
  /** A peer sent what only another node may send: the inner source is not of its subnet. */
  "foreign-source",
  /** An address of this node's pods, from elsewhere. */
  "own-source",
  /** An address of a pod, not from where its node sends. */
  "wrong-arrival",
] as const;

export type Refusal = (typeof REFUSALS)[number];

/** For the log: what it means, and what of an operator's doing looks the same. */
export const REFUSAL_REASONS: Readonly<Record<Refusal, string>> = {
  "vlan-tagged": "the frame inside the tunnel has a VLAN tag",
  "not-ip": "the frame inside the tunnel is neither IPv4 nor IPv6",
  truncated: "the datagram is too short for the headers inside it",
  "unknown-peer":
    "no lease names these sources; of a node behind NAT, publish the address that its packets come from",
  "foreign-source":
    "these peers sent from addresses outside their subnets, as a host does that sends from its own address without --ip-masq",
  "own-source": "these addresses of this node's own pods came from the underlay",
  "wrong-arrival":
    "packets for pods claim addresses of pods and did not come the way in which their nodes send",
};
