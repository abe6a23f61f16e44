/**
 * Descriptors of the kinds of kernel objects, for the reconciler, netlink and the log. They are plain functions without
 * state. Those that a pass calls for each of thousands of objects do not allocate for an object that needs no change.
 */
import type { Request } from "../netlink/request.ts";
import type { InterfaceIndex } from "../observed.ts";
import type { Operation } from "../operation.ts";
import type { DesiredIndex } from "../reconcile/desired-index.ts";
import type { KernelCache } from "../reconcile/kernel-cache.ts";
import type { Comparison } from "../reconcile/stage.ts";

/** The operations on the objects of a kind: as requests, as text, and their effect on the kernel cache. */
export interface OperationKind<Op extends Operation> {
  readonly operations: readonly Op["op"][];
  /** Name of the device whose index the request holds; null for none. */
  deviceOf(operation: Op): string | null;
  /** Name of another device whose index the request holds; null for none. */
  otherDeviceOf(operation: Op): string | null;
  /** @param index of the device that `deviceOf` names, `otherIndex` of the other; 0 for none */
  encode(operation: Op, index: InterfaceIndex, otherIndex: InterfaceIndex): Request;
  /** One line of text in iproute2's syntax: "delete route 10.244.2.0/24 via 10.244.2.0 dev flannel.1". */
  describe(operation: Op): string;
  /** Updates the cache after an operation that succeeded. */
  acknowledge(cache: KernelCache, operation: Op): void;
  /**
   * The key of notifications about the object; null where no notification can be newer than the
   * acknowledgement.
   */
  notifiedKey(operation: Op): string | null;
}

/** A kind whose objects the reconciler puts and removes one by one. */
export interface ObjectKind<Desired, Observed, Op extends Operation> extends OperationKind<Op> {
  desiredIn(desired: DesiredIndex): ReadonlyMap<string, Desired>;
  observedIn(cache: KernelCache): ReadonlyMap<string, Observed>;
  /**
   * The kernel has one object for each key: an object with the key of a desired one is that object, or is replaced by
   * it.
   */
  keyOf(want: Desired): string;
  matches(want: Desired, have: Observed | undefined): boolean;
  /** The missing object that a desired object depends on; null when it can be put. */
  waitsFor(comparison: Comparison, want: Desired): string | null;
  put(want: Desired): Op;
  /** The operation that removes a surplus object; null for an object that is not ours. */
  removal(comparison: Comparison): (have: Observed) => Op | null;
}

/** A kind with netlink messages of its own. */
export interface ObservedKind<Observed, Message, Context> {
  /** null for objects that are not in {@link ObservedState}. */
  decode(message: Message, context: Context): Observed | null;
  keyOfObserved(have: Observed): string;
}
