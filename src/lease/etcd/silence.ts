/**
 * Notices a watch that is open and delivers nothing. gRPC's keepalive proves that the member answers, not that it still
 * serves the watch. etcd's progress reports would end an old etcd proxy, so a small read compares instead.
 */
import type { Clock } from "../../runtime/clock.ts";
import type { EtcdConnection } from "./connection.ts";
import { type KeyRange, rangeFields } from "./keys.ts";

/** What a watch has delivered of its range. */
export interface Delivered {
  readonly revision: bigint;
  /** The number of keys. */
  readonly keys: number;
}

export interface SilenceChecks {
  readonly clock: Clock;
  readonly everyMs: number;
  /** How late a change may arrive. */
  readonly settleMs: number;
  /** Whether etcd has changes that the watch has not delivered. */
  isBehind(signal: AbortSignal): Promise<boolean>;
  /** How many responses the watch has received. */
  received(): number;
}

/** Resolves when a change has not arrived in time, and nothing else either. */
export async function untilSilent(
  { clock, everyMs, settleMs, isBehind, received }: SilenceChecks,
  signal: AbortSignal,
): Promise<void> {
  for (;;) {
    await clock.sleep(everyMs, signal);
    const before = received();
    // A failure to read is noticed elsewhere.
    if (!(await isBehind(signal).catch(() => false))) continue;
    await clock.sleep(settleMs, signal);
    if (received() === before) return;
  }
}

/** Asks etcd whether the range has changed since. Keys that are newer show writes, and their number deletions. */
export async function hasChangedSince(
  connection: EtcdConnection,
  range: KeyRange,
  { revision, keys }: Delivered,
  signal: AbortSignal,
): Promise<boolean> {
  const answer = await connection.read(`check the watch of ${range.prefix}`, signal, (client) =>
    client.kv.range({
      ...rangeFields(range),
      min_mod_revision: (revision + 1n).toString(),
      keys_only: true,
      limit: 1,
    }),
  );
  return answer.kvs.length > 0 || Number(answer.count) !== keys;
}
