/** Why the packet filter refuses a packet. Each reason is a counter of its name. */
export const REFUSALS = [
  /** A VLAN tag inside the tunnel; peers send none. */
  "vlan-tagged",
  /** Neither IPv4 nor IPv6 inside the tunnel: ARP, or noise. */
  "not-ip",
  /** Too short for the headers that decide. */
  "truncated",
  /** The datagram's source is no peer's tunnel end. */
  "unknown-peer",
  /** The inner source is outside the sending peer's subnet. */
  "foreign-source",
  /** A source address of this node's pods, from outside. */
  "own-source",
  /** A source address of a pod that did not arrive by its node's path. */
  "wrong-arrival",
] as const;

export type Refusal = (typeof REFUSALS)[number];

/** For the log: the meaning, and the operator's setting that may cause it. */
export const REFUSAL_REASONS: Readonly<Record<Refusal, string>> = {
  "vlan-tagged": "the frame inside the tunnel has a VLAN tag",
  "not-ip": "the frame inside the tunnel is neither IPv4 nor IPv6",
  truncated: "the datagram is too short for the headers inside it",
  "unknown-peer":
    "no lease has these sources; for a node behind NAT, publish the address that its packets come from",
  "foreign-source":
    "these peers sent from addresses outside their subnets, as a host without --ip-masq does from its own address",
  "own-source": "these addresses of this node's own pods came from the underlay",
  "wrong-arrival":
    "packets to pods with sources of pods did not arrive by the path that the sources' nodes use",
};
