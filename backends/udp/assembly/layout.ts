/**
 * Layout of the shared memory. Plain numbers only: the compiler of the fast path and
 * TypeScript both read this file, so they cannot disagree.
 *
 * ```
 * control | counters, one block a lane | table 0 | table 1 | lane 0 | lane 1 | ...
 * ```
 *
 * A **lane** is one direction of one queue: an egress lane (TUN to UDP) or an ingress lane (UDP to TUN). One
 * worker owns it and is its only writer. Offsets named `*_AT` below `LANE` are relative to its start.
 * Sizes are bytes. The first KiB is unused, so that address 0 is never valid.
 */

// Control: shared by all threads.
/** u32: index of the table in force. */
export const ACTIVE_TABLE_AT = 1024;
/** i64, microseconds: when the next ICMP error is due, see rate-limit.ts. On a cache line of its own. */
export const ICMP_DUE_AT = 1088;
/** 16 bytes: an address argument for the table's builder. */
export const ADDRESS_ARGUMENT_AT = 1152;
/** u32 for each lane, a cache line apart: index of the table that the lane reads, plus one; 0 between batches. */
export const PINS_AT = 2048;
export const PIN_BYTES = 64;
export const LANES_MAX = 64;

export const COUNTERS_AT = 8192;
/** 64 counters of u64. Only the lane's worker writes its block. */
export const COUNTERS_BYTES = 512;

export const TABLES_AT = 40960; // COUNTERS_AT + LANES_MAX * COUNTERS_BYTES
/** The fixed part of a table; hash slots and remotes follow. */
export const TABLE_HEADER_BYTES = 8192;
export const TABLE_LENGTHS_AT = 256;
export const TABLE_LENGTH_BYTES = 32;
export const LENGTHS_MAX = 162; // 33 lengths of IPv4 and 129 of IPv6
export const TABLE_HOSTS_AT = 5440; // TABLE_LENGTHS_AT + LENGTHS_MAX * TABLE_LENGTH_BYTES
export const HOSTS_MAX = 128;
export const SLOT_BYTES = 32;
export const REMOTE_BYTES = 64;
/** Maximum number of slots in a lookup; the builder takes another seed where a table would exceed it. */
export const PROBES_MAX = 32;

// LANE: common to both directions.
/** u32 results of a pass for TypeScript: messages of each outer family, and writes. */
export const MESSAGES4_COUNT_AT = 0;
export const MESSAGES6_COUNT_AT = 4;
export const WRITES_COUNT_AT = 8;
/** A virtio-net header of zeros, in front of every packet that is written unchanged. */
export const PLAIN_VIRTIO_AT = 64;
export const INNER_AT = 128;
export const OPEN_RUNS_AT = 256;
export const OPEN_RUNS_MAX = 16;
/**
 * Addresses of senders whose packets were refused, 16 bytes each, for the log: REFUSED_MAX for each of the two reasons.
 * Ingress only.
 */
export const REFUSED_AT = 512;
export const REFUSED_MAX = 16;

export const ICMP_AT = 4096;
export const ICMP_BYTES = 1536;
export const ICMP_MAX = 16;

/** struct mmsghdr, 64 bytes on x86-64 and arm64. One array for each outer family, as each has its own socket. */
export const MESSAGES4_AT = 28672;
export const MESSAGES6_AT = 160768;
export const MESSAGE_BYTES = 64;
/** Messages after `splitMessages`, one for each packet; 16 more for ICMP errors. */
export const MESSAGES_MAX = 2064;
export const NAMES_AT = 292864;
export const NAME_BYTES = 32;
export const CONTROLS_AT = 424960;
export const CONTROL_BYTES = 32;

/** Pairs of u32: offset of an iovec list in memory, and its length. One pair is one `writev`. */
export const WRITES_AT = 557056;
export const WRITE_BYTES = 8;
export const WRITES_MAX = 4112;
/** Writes of `unjoinWrite`. */
export const UNJOINED_WRITES_AT = 589952; // WRITES_AT + WRITES_MAX * WRITE_BYTES
export const SEGMENTS_PER_RUN_MAX = 128;

export const IOVECS_AT = 591872;
export const IOVEC_BYTES = 16;
export const IOVECS_MAX = 8448;
export const UNJOINED_IOVECS_AT = 727040; // IOVECS_AT + IOVECS_MAX * IOVEC_BYTES, 2 for each unjoined packet

export const RUNS_AT = 731136;
export const RUN_BYTES = 64;
export const RUNS_MAX = 4096;
export const PACKETS_AT = 993280;
export const PACKET_BYTES = 16;
export const PACKETS_MAX = 4096;
/** Headers that the fast path writes. */
export const HEADERS_AT = 1058816;
export const HEADERS_BYTES = 262144;
/** The longest header of a super-packet: 60 + 60 bytes for IPv4, IPv6 with 28 bytes of extensions. */
export const HEADER_MAX = 128;

// LANE, egress: packets read from the TUN.
/** Pairs of u32: offset of a read in memory, and its length. */
export const READS_AT = 1320960;
export const READ_BYTES = 8;
export const READS_MAX = 1024;
/** Maximum number of packets in one pass, which sizes the arrays of messages, headers and iovecs. */
export const EGRESS_SEGMENTS_MAX = 2048;
export const EGRESS_INPUT_AT = 1329152;
/** Small enough to stay in a second-level cache, large enough for ten reads of 64 KiB. */
export const EGRESS_INPUT_BYTES = 720896;
export const READ_MAX = 65600;
export const EGRESS_LANE_BYTES = 2051072;

// LANE, ingress: filled in by recvmmsg.
export const RECEIVE_MAX = 64;
export const RECEIVE_MESSAGES_AT = 1320960;
export const RECEIVE_IOVECS_AT = 1325056;
export const RECEIVE_NAMES_AT = 1326080;
export const RECEIVE_CONTROLS_AT = 1328128;
export const RECEIVE_CONTROL_BYTES = 64;
export const RECEIVE_SLOTS_AT = 1332224;
export const RECEIVE_SLOT_BYTES = 65536;
/** Not a power of two, or the starts of all slots would share one set of every cache. */
export const RECEIVE_STRIDE = 65728;
export const INGRESS_LANE_BYTES = 5541888;

// Offloads of a lane, as bits.
/** Several packets in one message, with UDP_SEGMENT. */
export const OFFLOAD_SEND_RUNS = 1;
/** TCP segments joined behind one virtio-net header, for each inner family. */
export const OFFLOAD_JOIN_TCP4 = 2;
export const OFFLOAD_JOIN_TCP6 = 4;
/** UDP datagrams joined: needs Linux 6.2. */
export const OFFLOAD_JOIN_UDP = 8;
