/**
 * The counters. The number is the counter's index in a lane's block; the name, in lower case with hyphens, is its name
 * in TypeScript and in the metrics. This is the only list.
 *
 * For each lane PACKETS = FORWARDED + the sum of all DROP counters. A super-packet read from the TUN counts as one
 * packet; datagrams that the kernel merged count one by one.
 */

/** Packets that a lane received. */
export const PACKETS = 0;
export const FORWARDED = 1;
/** Bytes of inner packets forwarded, a super-packet's headers counted once. */
export const BYTES = 2;
/** Super-packets segmented (egress) or built (ingress). */
export const SUPER_PACKETS = 3;
/** Packets on the wire: every segment of a super-packet, or one. Egress only. */
export const SEGMENTS = 4;
/** Messages for sendmmsg, ICMP errors included. */
export const MESSAGES = 5;
/** Writes to the TUN, ICMP errors included. */
export const WRITES = 6;

/** Messages and writes that the kernel refused; counted by the worker, after FORWARDED. */
export const LOST_SEND = 7;
export const LOST_WRITE = 12;

export const ICMP_TIME_EXCEEDED = 8;
export const ICMP_UNREACHABLE = 9;
export const ICMP_TOO_BIG = 10;
/** Errors not sent because of the rate limit. */
export const ICMP_LIMITED = 11;

/** Shorter than a header. */
export const DROP_RUNT = 16;
/** Neither IPv4 nor IPv6. */
export const DROP_VERSION = 17;
/** IPv4 header length out of range. */
export const DROP_HEADER_LENGTH = 18;
/** The packet is shorter than its length field, or the kernel truncated the datagram. */
export const DROP_TRUNCATED = 19;
/** IPv4 header checksum. */
export const DROP_CHECKSUM = 20;
/** A virtio-net header that does not fit its packet. */
export const DROP_OFFLOAD = 21;
/** The outer source is no peer. */
export const DROP_UNKNOWN_PEER = 22;
/** The inner source is not ours (egress) or not in the sending peer's subnet (ingress). */
export const DROP_FOREIGN_SOURCE = 23;
/** A packet from the TUN for our own subnet, which the kernel should have delivered. */
export const DROP_LOOP = 24;
/** The inner destination is not ours (ingress), or unspecified. */
export const DROP_FOREIGN_DESTINATION = 25;
export const DROP_MULTICAST = 26;
export const DROP_NO_ROUTE = 27;
export const DROP_TTL = 28;
/** Larger than the path MTU, and must not be fragmented. */
export const DROP_TOO_BIG = 29;
