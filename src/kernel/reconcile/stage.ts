/**
 * A stage compares the desired objects of one kind with the cached ones and plans the operations that make
 * them agree.
 */
import type { Operation } from "../operation.ts";
import type { DesiredIndex } from "./desired-index.ts";
import type { KernelCache } from "./kernel-cache.ts";
import type { Ownership } from "./ownership.ts";

export type Stage = (comparison: Comparison) => readonly PlannedOperation[];

export interface Comparison {
  readonly desired: DesiredIndex;
  /** Updated between the stages, so that each sees the results of those before it. */
  readonly cache: KernelCache;
  readonly ownership: Ownership;
  /** Devices whose local address the kernel refused to change in place. */
  readonly fixedLocal: ReadonlySet<string>;
}

export interface PlannedOperation {
  readonly operation: Operation;
  /** The object that the operation has to wait for; null when it can be applied. */
  readonly waitsFor: string | null;
}
