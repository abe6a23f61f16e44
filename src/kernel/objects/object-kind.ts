/**
 * All that the reconciler, netlink and the log have to know of one kind of kernel object. Descriptors are plain functions
 * without state; those that a pass calls for each of thousands of objects allocate nothing where nothing is to be done.
 */
import type { Request } from "../netlink/request.ts";
import type { InterfaceIndex } from "../observed.ts";
import type { Operation } from "../operation.ts";
import type { DesiredIndex } from "../reconcile/desired-index.ts";
import type { KernelCache } from "../reconcile/kernel-cache.ts";
import type { Comparison } from "../reconcile/stage.ts";

/** The operations on the objects of a kind: as requests, in words, and what they do to the kernel cache. */
export interface OperationKind<Op extends Operation> {
  readonly operations: readonly Op["op"][];
  /** Name of the device whose index the request holds; null for none. */
  deviceOf(operation: Op): string | null;
  /** Name of another device whose index the request holds; null for none. */
  otherDeviceOf(operation: Op): string | null;
  /** @param index of the device that `deviceOf` names, `otherIndex` of the other; 0 for none */
  encode(operation: Op, index: InterfaceIndex, otherIndex: InterfaceIndex): Request;
  /** One line for people, in the words of iproute2: "delete route 10.244.2.0/24 via 10.244.2.0 dev flannel.1". */
  describe(operation: Op): string;
  /** Brings the cache up to date with an operation that the kernel carried out. */
  acknowledge(cache: KernelCache, operation: Op): void;
  /**
   * The key of notifications about the object; null where no notification can be newer than the
   * acknowledgement.
   */
  notifiedKey(operation: Op): string | null;
}

/** A kind of which the reconciler puts what is desired and removes what is surplus, object by object. */
export interface ObjectKind<Desired, Observed, Op extends Operation> extends OperationKind<Op> {
  desiredIn(desired: DesiredIndex): ReadonlyMap<string, Desired>;
  observedIn(cache: KernelCache): ReadonlyMap<string, Observed>;
  /**
   * The kernel keeps one object to a key: what has the key of a desired object is that object or is replaced
   * by it.
   */
  keyOf(want: Desired): string;
  matches(want: Desired, have: Observed | undefined): boolean;
  /** What a desired object that does not match has to wait for; null when it can be put. */
  waitsFor(comparison: Comparison, want: Desired): string | null;
  put(want: Desired): Op;
  /** The operation that removes an object if it is surplus; null for what is not ours to remove. */
  removal(comparison: Comparison): (have: Observed) => Op | null;
}

/** A kind with netlink messages of its own. */
export interface ObservedKind<Observed, Message, Context> {
  /** null for what {@link ObservedState} does not hold. */
  decode(message: Message, context: Context): Observed | null;
  keyOfObserved(have: Observed): string;
}
