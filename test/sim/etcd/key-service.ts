/** Requests about keys, executed at once. Model of etcdserver/apply.go and apply_auth.go of etcd 3.4. */
import type {
  ICompactionRequest,
  ICompactionResponse,
  IDeleteRangeRequest,
  IDeleteRangeResponse,
  IPutRequest,
  IPutResponse,
  IRangeRequest,
  IRangeResponse,
  IRequestOp,
  IResponseHeader,
  IResponseOp,
  ITxnRequest,
  ITxnResponse,
} from "etcd3";
import { deleteAnswer, nestedHeader, operationAnswer, putAnswer, rangeAnswer } from "./answers.ts";
import type { AuthStore, Caller } from "./auth-store.ts";
import type { KeyHistory, KeyVersion, KeyWriter } from "./key-history.ts";
import { type KeySpan, spanOf, textOf } from "./key-span.ts";
import type { LeaseSet } from "./lease-set.ts";
import { ETCD_ERRORS } from "./rpc-error.ts";
import { checkTransaction, compareHolds, spanOfOperation } from "./transaction.ts";

/** What is on the disk of etcd. */
export interface EtcdData {
  readonly history: KeyHistory;
  readonly leases: LeaseSet;
  readonly auth: AuthStore;
}

const NO_LEASE = "0";

export class KeyService {
  readonly #data: EtcdData;
  readonly #header: (revision?: number) => IResponseHeader;
  readonly #notify: (changes: readonly KeyVersion[]) => void;

  constructor(
    data: EtcdData,
    header: (revision?: number) => IResponseHeader,
    notify: (changes: readonly KeyVersion[]) => void,
  ) {
    this.#data = data;
    this.#header = header;
    this.#notify = notify;
  }

  /** @throws RpcError, as all of these */
  range(request: IRangeRequest, caller: Caller): IRangeResponse {
    const span = spanOf(request);
    if (span.first === "") throw ETCD_ERRORS.emptyKey();
    this.#data.auth.check(caller, span);
    const found = this.#data.history.range(span, Number(request.revision ?? 0));
    return rangeAnswer(request, this.#header(), found);
  }

  put(request: IPutRequest, caller: Caller): IPutResponse {
    if (textOf(request.key) === "") throw ETCD_ERRORS.emptyKey();
    this.#checkPut(request, caller);
    this.#write((writer) => this.#put(writer, request));
    return putAnswer(this.#header());
  }

  deleteRange(request: IDeleteRangeRequest, caller: Caller): IDeleteRangeResponse {
    const span = spanOf(request);
    if (span.first === "") throw ETCD_ERRORS.emptyKey();
    this.#data.auth.check(caller, span);
    const deleted = this.#write((writer) => this.#delete(writer, span));
    return deleteAnswer(this.#header(), deleted);
  }

  txn(request: ITxnRequest, caller: Caller): ITxnResponse {
    checkTransaction(request);
    const { compare = [], success = [], failure = [] } = request;
    const { auth, history } = this.#data;
    for (const each of compare) auth.check(caller, spanOf(each));
    for (const each of [...success, ...failure]) auth.check(caller, spanOfOperation(each));
    const succeeded = compare.every((each) => compareHolds(each, history.range(spanOf(each))));
    const operations = succeeded ? success : failure;
    for (const { request_put: put, request_range: range } of operations) {
      if (put !== undefined) this.#checkPut(put, caller);
      if (range !== undefined) history.range(spanOf(range), Number(range.revision ?? 0));
    }
    const responses = this.#write((writer) => operations.map((each) => this.#execute(writer, each)));
    return { header: this.#header(), succeeded, responses };
  }

  compact({ revision }: ICompactionRequest): ICompactionResponse {
    this.#data.history.compact(Number(revision ?? 0));
    return { header: this.#header() };
  }

  /** Deletes the keys of a lease in one revision. @throws RpcError for a lease that does not exist */
  revoke(leaseId: string, caller: Caller): void {
    const { leases, auth } = this.#data;
    if (!leases.has(leaseId)) throw ETCD_ERRORS.leaseNotFound();
    for (const key of leases.keysOf(leaseId)) auth.check(caller, { first: key, end: null });
    const keys = leases.revoke(leaseId);
    this.#write((writer) => {
      for (const key of keys) writer.delete({ first: key, end: null });
    });
  }

  #write<T>(work: (writer: KeyWriter) => T): T {
    const { result, changes } = this.#data.history.write(work);
    if (changes.length > 0) this.#notify(changes);
    return result;
  }

  #checkPut({ key, lease = NO_LEASE }: IPutRequest, caller: Caller): void {
    const { auth, leases } = this.#data;
    auth.check(caller, { first: textOf(key), end: null });
    if (String(lease) === NO_LEASE) return;
    if (!leases.has(String(lease))) throw ETCD_ERRORS.leaseNotFound();
    // With the lease its holder could let keys expire that it may not write.
    for (const attached of leases.keysOf(String(lease))) auth.check(caller, { first: attached, end: null });
  }

  #execute(writer: KeyWriter, operation: IRequestOp): IResponseOp {
    const { request_range: range, request_put: put, request_delete_range: deletion } = operation;
    if (put !== undefined) {
      this.#put(writer, put);
      return operationAnswer("response_put", putAnswer(nestedHeader(writer.revision)));
    }
    if (range !== undefined) {
      const found = writer.range(spanOf(range), Number(range.revision ?? 0));
      return operationAnswer("response_range", rangeAnswer(range, nestedHeader(writer.revision), found));
    }
    const deleted = deletion === undefined ? 0 : this.#delete(writer, spanOf(deletion));
    return operationAnswer("response_delete_range", deleteAnswer(nestedHeader(writer.revision), deleted));
  }

  #put(writer: KeyWriter, request: IPutRequest): void {
    const key = textOf(request.key);
    const leaseId = String(request.lease ?? NO_LEASE);
    const { leases } = this.#data;
    const [before] = writer.range({ first: key, end: null }, 0);
    if (before !== undefined) leases.detach(before.leaseId, key);
    writer.put(key, request.value ?? Buffer.alloc(0), leaseId);
    leases.attach(leaseId, key);
  }

  #delete(writer: KeyWriter, span: KeySpan): number {
    const deleted = writer.delete(span);
    for (const { key, leaseId } of deleted) this.#data.leases.detach(leaseId, key);
    return deleted.length;
  }
}
