/** Input of a worker thread, and the reports that it sends. Plain data. */

import type { SharedFastPath } from "./fast-path.ts";
import type { LaneOffloads } from "./lane.ts";

export interface WorkerTask {
  readonly shared: SharedFastPath;
  /** Index of its lane, which determines the direction. */
  readonly lane: number;
  /** Descriptors belong to the process: the main thread opens and closes them. */
  readonly tunFd: number;
  readonly sockets: { readonly v4: number | null; readonly v6: number | null };
  /** An eventfd that becomes readable when all workers have to stop, and stays readable. */
  readonly stopFd: number;
  readonly offloads: LaneOffloads;
  /** False for one packet in each batch, as in flannel: a read and a send for each packet. */
  readonly isBatching: boolean;
}

export type WorkerReport =
  /** The kernel refused at run time an offload that it had granted: the worker continues without it. */
  | { readonly kind: "stepped-down"; readonly offload: keyof LaneOffloads; readonly code: string }
  /** The device is gone or down: the worker has ended, and is started again once the device is back. */
  | { readonly kind: "device-gone"; readonly code: string }
  /** A packet did not fit the path to a peer: the kernel's path MTU has changed. */
  | { readonly kind: "path-too-small" };
