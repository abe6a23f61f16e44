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
