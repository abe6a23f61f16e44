/** The checks of a transaction before it is executed, and its comparisons. Model of v3rpc/key.go and apply.go of etcd 3.4. */
import type { ICompare, IRequestOp, ITxnRequest } from "etcd3";
import type { KeyVersion } from "./key-history.ts";
import { isWithin, type KeySpan, spanOf, textOf } from "./key-span.ts";
import { ETCD_ERRORS } from "./rpc-error.ts";

const MAX_OPERATIONS = 128;

/** @throws RpcError */
export function checkTransaction({ compare = [], success = [], failure = [] }: ITxnRequest): void {
  if (Math.max(compare.length, success.length, failure.length) > MAX_OPERATIONS)
    throw ETCD_ERRORS.tooManyOperations();
  for (const { key } of compare) if (textOf(key) === "") throw ETCD_ERRORS.emptyKey();
  for (const operations of [success, failure]) {
    for (const operation of operations) {
      if (spanOfOperation(operation).first === "") throw ETCD_ERRORS.emptyKey();
    }
    refuseDuplicates(operations);
  }
}

/** etcd compares ends as text here, so that it misses the puts within an unbounded deletion. */
function refuseDuplicates(operations: readonly IRequestOp[]): void {
  const deleted = operations.flatMap(({ request_delete_range: each }) =>
    each === undefined ? [] : [spanOf(each)],
  );
  const puts = new Set<string>();
  for (const { request_put: put } of operations) {
    if (put === undefined) continue;
    const key = textOf(put.key);
    const isDeleted = deleted.some((span) => span.end !== "unbounded" && isWithin(key, span));
    if (puts.has(key) || isDeleted) throw ETCD_ERRORS.duplicateKey();
    puts.add(key);
  }
}

export function spanOfOperation(operation: IRequestOp): KeySpan {
  const { request_range: range, request_put: put, request_delete_range: deletion } = operation;
  if (put !== undefined) return { first: textOf(put.key), end: null };
  const request = range ?? deletion;
  if (request === undefined) throw new RangeError("the simulated etcd has no nested transactions");
  return spanOf(request);
}

/** Whether all versions found satisfy the comparison; an absent key has zeros, and no value at all. */
export function compareHolds(compare: ICompare, found: readonly KeyVersion[]): boolean {
  if (found.length > 0) return found.every((version) => holdsFor(compare, version));
  return nameOf(compare.target ?? "Version") !== "Value" && holdsFor(compare, ABSENT);
}

const ABSENT: KeyVersion = {
  key: "",
  value: Buffer.alloc(0),
  createRevision: 0,
  modRevision: 0,
  version: 0,
  leaseId: "0",
};

function holdsFor(compare: ICompare, version: KeyVersion): boolean {
  const order = orderOf(compare, version);
  switch (compare.result ?? "Equal") {
    case "Equal":
      return order === 0;
    case "NotEqual":
      return order !== 0;
    case "Greater":
      return order > 0;
    case "Less":
      return order < 0;
    default:
      throw new RangeError(`comparison ${compare.result}`);
  }
}

function orderOf(compare: ICompare, version: KeyVersion): number {
  switch (nameOf(compare.target ?? "Version")) {
    case "Version":
      return version.version - Number(compare.version ?? 0);
    case "Create":
      return version.createRevision - Number(compare.create_revision ?? 0);
    case "Mod":
      return version.modRevision - Number(compare.mod_revision ?? 0);
    case "Value":
      return Buffer.compare(version.value, compare.value ?? Buffer.alloc(0));
    default:
      throw new RangeError(`comparison of ${compare.target}`);
  }
}

function nameOf(target: NonNullable<ICompare["target"]>): string {
  if (typeof target === "string") return target;
  throw new RangeError("enumerations by name only");
}
