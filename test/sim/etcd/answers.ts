/** Answers in the form that etcd3 gives them: every field is there, and 64-bit numbers are text. */
import type {
  IDeleteRangeResponse,
  IEvent,
  IKeyValue,
  IPutResponse,
  IRangeRequest,
  IRangeResponse,
  IResponseHeader,
  IResponseOp,
} from "etcd3";
import type { KeyVersion } from "./key-history.ts";
import { bytesOf } from "./key-span.ts";

export function keyValueOf(version: KeyVersion): IKeyValue {
  return {
    key: bytesOf(version.key),
    create_revision: String(version.createRevision),
    mod_revision: String(version.modRevision),
    version: String(version.version),
    value: version.value,
    lease: version.leaseId,
  };
}

export function eventOf(version: KeyVersion): IEvent {
  return { type: version.version === 0 ? "Delete" : "Put", kv: keyValueOf(version), prev_kv: ABSENT };
}

/** In sorted order; the count is of all, whatever the limit and the revision. */
export function rangeAnswer(
  request: IRangeRequest,
  header: IResponseHeader,
  found: readonly KeyVersion[],
): IRangeResponse {
  const limit = Number(request.limit ?? 0);
  const newerThan = BigInt(request.min_mod_revision ?? 0);
  const all = found;
  found = newerThan === 0n ? all : all.filter(({ modRevision }) => BigInt(modRevision) >= newerThan);
  const isCut = limit > 0 && found.length > limit;
  // Without an order etcd reads one more than the limit, and sorts those.
  const isSortedWhole = (request.sort_order ?? "None") !== "None";
  const read = isCut && !isSortedWhole ? found.slice(0, limit + 1) : found;
  const inOrder = request.count_only === true ? [] : sorted(request, read);
  const shown = isCut ? inOrder.slice(0, limit) : inOrder;
  const kvs = shown.map((version) =>
    keyValueOf(request.keys_only === true ? { ...version, value: Buffer.alloc(0) } : version),
  );
  return { header, kvs, more: isCut && request.count_only !== true, count: String(all.length) };
}

export function putAnswer(header: IResponseHeader): IPutResponse {
  return { header, prev_kv: ABSENT };
}

export function deleteAnswer(header: IResponseHeader, deleted: number): IDeleteRangeResponse {
  return { header, deleted: String(deleted), prev_kvs: [] };
}

/** One of these per operation of a transaction; the others are absent, and `response` names which one is there. */
export function operationAnswer<K extends keyof IResponseOp>(kind: K, answer: IResponseOp[K]): IResponseOp {
  return { [kind]: answer, response: kind } as unknown as IResponseOp;
}

/** etcd3 gives null for an absent message, whatever its types say. */
const ABSENT = null as unknown as IKeyValue;

type Order = NonNullable<IRangeRequest["sort_order"]>;

function sorted(request: IRangeRequest, found: readonly KeyVersion[]): readonly KeyVersion[] {
  const target = request.sort_target ?? "Key";
  const requested: Order = request.sort_order ?? "None";
  // Without an order any target but the key sorts upwards.
  const order = requested === "None" && target !== "Key" ? "Ascend" : requested;
  if (order === "None") return found;
  const compare = COMPARISONS[String(target)];
  if (compare === undefined) throw new RangeError(`sort by ${target}`);
  const upwards = [...found].sort(compare);
  return order === "Descend" ? [...found].sort((a, b) => compare(b, a)) : upwards;
}

const COMPARISONS: Readonly<Record<string, (a: KeyVersion, b: KeyVersion) => number>> = {
  Key: (a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0),
  Version: (a, b) => a.version - b.version,
  Create: (a, b) => a.createRevision - b.createRevision,
  Mod: (a, b) => a.modRevision - b.modRevision,
  Value: (a, b) => Buffer.compare(a.value, b.value),
};

/** Of a nested answer, which has the revision only. */
export function nestedHeader(revision: number): IResponseHeader {
  return { cluster_id: "0", member_id: "0", revision: String(revision), raft_term: "0" };
}
