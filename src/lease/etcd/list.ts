import type { IResponseHeader } from "etcd3";
import type { EtcdConnection } from "./connection.ts";
import { type Entry, readEntry } from "./entry.ts";
import { type KeyRange, rangeFields, successor } from "./keys.ts";

/** Keeps one answer small, so that listing a large network costs little memory. */
const PAGE = 500;

/** A cluster and a moment in its history. */
export interface Position {
  readonly clusterId: string;
  readonly revision: bigint;
}

/**
 * All entries of the range at one revision, which is returned; `onEntry` gets each and is not to keep its value.
 * @throws TweedError with an `EtcdErrorCode`
 */
export async function list(
  connection: EtcdConnection,
  range: KeyRange,
  onEntry: (entry: Entry) => void,
  signal: AbortSignal,
): Promise<Position> {
  let position: Position | null = null;
  for (let first = range.first; ; ) {
    const answer = await connection.read(`list ${range.prefix}`, signal, (client) =>
      client.kv.range({
        ...rangeFields({ first, end: range.end }),
        limit: PAGE,
        ...(position === null ? {} : { revision: position.revision.toString() }),
      }),
    );
    position ??= positionOf(answer.header);
    for (const keyValue of answer.kvs) onEntry(readEntry(keyValue, range.prefix));
    const last = answer.kvs.at(-1);
    if (!answer.more || last === undefined) return position;
    first = successor(last.key);
  }
}

export function positionOf(header: IResponseHeader): Position {
  return { clusterId: header.cluster_id, revision: BigInt(header.revision) };
}
