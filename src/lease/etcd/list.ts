import type { IResponseHeader } from "etcd3";
import type { EtcdConnection } from "./connection.ts";
import { type Entry, readEntry, withoutValue } from "./entry.ts";
import { isEtcdError } from "./error.ts";
import { type KeyRange, rangeFields, successor } from "./keys.ts";

/** Limits the size of one answer, so that listing a large network takes little memory. */
const PAGE = 500;

/** A cluster and a revision in its history. */
export interface Position {
  readonly clusterId: string;
  readonly revision: bigint;
}

/**
 * Lists all entries of the range at one revision, which it returns; `onEntry` must not retain an entry's value.
 * @throws TweedError with an `EtcdErrorCode`
 */
export async function list(
  connection: EtcdConnection,
  range: KeyRange,
  onEntry: (entry: Entry) => void,
  signal: AbortSignal,
): Promise<Position> {
  let position: Position | null = null;
  let limit = PAGE;
  for (let first = range.first; ; ) {
    const page = { first, end: range.end, limit, position };
    const answer = await readPage(connection, range.prefix, page, signal);
    if (answer === "too large") {
      limit = Math.ceil(limit / 2);
      continue;
    }
    position ??= positionOf(answer.header);
    for (const entry of answer.entries) onEntry(entry);
    if (answer.next === null) return position;
    first = answer.next;
    // After the oversized entries, back to whole pages.
    limit = Math.min(PAGE, limit * 2);
  }
}

interface PageRequest {
  readonly first: Buffer;
  readonly end: Buffer | null;
  readonly limit: number;
  /** The first page's; null in its own request. */
  readonly position: Position | null;
}

interface PageAnswer {
  readonly header: IResponseHeader;
  readonly entries: readonly Entry[];
  /** First key of the next page; null after the last. */
  readonly next: Buffer | null;
}

/** A single oversized entry comes without its value, which is no valid lease, so that its key is still listed. */
async function readPage(
  connection: EtcdConnection,
  prefix: string,
  { first, end, limit, position }: PageRequest,
  signal: AbortSignal,
): Promise<PageAnswer | "too large"> {
  const ask = async (keysOnly: boolean): Promise<PageAnswer> => {
    const answer = await connection.read(`list ${prefix}`, signal, (client) =>
      client.kv.range({
        ...rangeFields({ first, end }),
        limit,
        keys_only: keysOnly,
        ...(position === null ? {} : { revision: position.revision.toString() }),
      }),
    );
    const entries = answer.kvs.map((keyValue) => readEntry(keyValue, prefix));
    const last = answer.kvs.at(-1);
    const next = !answer.more || last === undefined ? null : successor(last.key);
    return { header: answer.header, entries: keysOnly ? entries.map(withoutValue) : entries, next };
  };
  try {
    return await ask(false);
  } catch (error) {
    if (!isEtcdError(error, "store-answer-too-large")) throw error;
    return limit > 1 ? "too large" : ask(true);
  }
}

export function positionOf(header: IResponseHeader): Position {
  return { clusterId: header.cluster_id, revision: BigInt(header.revision) };
}
