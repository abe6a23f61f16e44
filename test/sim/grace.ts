/** How long the cluster may take for what physics or the design makes it wait for. Each bound has its reason. */

/**
 * From a change in the store to the packet that finds its way: snapshots are gathered for up to 50 ms, a plan and a pass
 * take milliseconds, and the packet filter is written after the pass; a slow one takes up to a second.
 */
export const CATCH_UP_MS = 2_500;

/** The promise for damage by other programs. */
export const REPAIR_MS = 1_000;

/** A refused kernel operation, or a kernel that does not answer, is tried again after at most 10 s, then a pass. */
export const KERNEL_RETRY_MS = 11_000;

/** Lost notifications are found by the full dump every 30 s, and a pass. */
export const RESYNC_MS = 31_500;

/** Until the lock of a killed daemon is broken (STALE_MS in directory-lock.ts), and its successor is done. */
export const STALE_LOCK_MS = 10_500;

/** Until a watch or poll works again after trouble of the store: the longest back-off or poll interval of the client. */
export const STORE_RECOVERY_MS = { file: 6_500, etcd: 35_000, kubernetes: 65_000 } as const;

/** After a compaction nodes list again: listIntervalMs and listSpreadMs of timing.ts. */
export const RELIST_MS = { file: 0, etcd: 0, kubernetes: 8_000 } as const;

/**
 * A restored API server accepts a watch from a version that it has yet to reach, and sends nothing on it, as on a quiet
 * one. The client asks for the server's version when its watch has ended, and lists again; etcd and files show a rewind.
 */
export const REWIND_NOTICED_MS = { file: 0, etcd: 0, kubernetes: 12_000 } as const;

/** The same where a daemon that starts has listed before the restore and watches after it: no watch of it has ended. */
export const REWIND_NOTICED_AT_START_MS = { file: 0, etcd: 0, kubernetes: 95_000 } as const;

/**
 * How long a node receives on a backend that its paths no longer use (GRACE_MS in switch-over/grace.ts), without the
 * second after which a peer that has heard the same switches. A peer whose daemon is stopped, or hears nothing of the
 * store for longer, still sends by it: no node can wait for such a peer.
 */
export const WITHDRAWAL_MS = 29_000;

/** A daemon that starts reads configuration, lease and snapshot, each by a request, and programs them. */
export const START_MS = 4_000;

/**
 * Everything at rest after all faults are lifted. The longest chain: a lease in dispute is acquired again after up to
 * 60 s, its peers' watches may be in their longest back-off, and a device that was lost is dumped after 30 s.
 */
export const REST_MS = 240_000;

/** Then nothing changes any more. */
export const CALM_MS = 35_000;

/** The lines that a host may log in a minute: 30 of each cause (limited-log.ts), of the causes that occur together. */
export const LINES_PER_MINUTE = 240;

/** Of each start of a daemon after the first in that minute. */
export const LINES_PER_START = 30;

/** Timers of one daemon at a time. */
export const SLEEPERS = 150;
