/** What a worker thread is told at its start, and what it tells while it works. Plain data. */

import type { SharedFastPath } from "./fast-path.ts";
import type { LaneOffloads } from "./lane.ts";

export interface WorkerTask {
  readonly shared: SharedFastPath;
  /** Index of its lane; the lane tells the direction. */
  readonly lane: number;
  /** Descriptors are the process's: the main thread opened them and closes them. */
  readonly tunFd: number;
  readonly sockets: { readonly v4: number | null; readonly v6: number | null };
  /** An eventfd that becomes readable when all workers are to end, and stays so. */
  readonly stopFd: number;
  readonly offloads: LaneOffloads;
  /** Packets to a batch: 1 is flannel's way, a read and a send for each packet. */
  readonly isBatching: boolean;
}

export type WorkerReport =
  /** The kernel refused at run time what it had granted: the worker goes on without it. */
  | { readonly kind: "stepped-down"; readonly offload: keyof LaneOffloads; readonly code: string }
  /** The device is gone or down: the worker has ended, to be started again once it is back. */
  | { readonly kind: "device-gone"; readonly code: string }
  /** A packet did not fit the path to a peer: what the kernel knows of that path has changed. */
  | { readonly kind: "path-too-small" };
