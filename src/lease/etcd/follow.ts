/**
 * Follows a range of keys: all of it at one revision, then every change after it.
 *
 * After a broken watch the next one resumes behind the last revision that was seen, which etcd answers with
 * everything missed, or with "compacted". So a break costs a new stream, not a new listing by every daemon at
 * once, and listing is left for when the history is gone, or is another: a compacted revision, a restored
 * backup, another cluster behind the same name.
 *
 * A restored backup is at a lower revision only until it has been written to for long enough. So a watch that resumes
 * begins with the newest entry that is known, and whatever comes in its place shows another history.
 */
import type { IWatchResponse } from "etcd3";
import { Backoff } from "../../runtime/backoff.ts";
import type { Clock } from "../../runtime/clock.ts";
import { isRetryable, TweedError } from "../../runtime/error.ts";
import type { Log } from "../../runtime/log.ts";
import type { Random } from "../../runtime/random.ts";
import type { EtcdConnection } from "./connection.ts";
import { type Entry, readEntry } from "./entry.ts";
import { type KeyRange, singleKey } from "./keys.ts";
import { list, type Position, positionOf } from "./list.ts";
import type { EtcdTiming } from "./timing.ts";
import { type Mark, watch } from "./watch.ts";

/** What is told the entries; keys come without the range's prefix. */
export interface RangeReader {
  /**
   * A listing begins; what it does not `put` is gone once it ends.
   * @param isRewound the history is another than what was read before: revisions do not compare with earlier ones
   */
  beginList(isRewound: boolean): void;
  endList(): void;
  put(entry: Entry): void;
  /** @param modRevision of the deletion */
  delete(key: string, modRevision: bigint): void;
}

export interface FollowContext {
  readonly connection: EtcdConnection;
  readonly timing: EtcdTiming;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** What this process itself wrote last: etcd may be set back before the watch has brought it. */
  readonly ownWrite?: () => Mark;
}

/** Yields after each listing and each batch of changes, once `reader` has all of it. Waits outages out. */
export async function* follow(
  context: FollowContext,
  range: KeyRange,
  reader: RangeReader,
  signal: AbortSignal,
): AsyncGenerator<void, never> {
  const { connection, timing, clock, random, log, ownWrite } = context;
  const backoff = new Backoff({ firstMs: 100, maxMs: 2000, random });
  let position: Position | null = null;
  let listAfterMs = clock.nowMs();
  let isRewound = false;
  /** The newest entry known, where a watch that resumes can begin with it. */
  let mark: Mark | null = null;
  let resumes = false;
  /** False where etcd keeps no history as old as the mark. */
  let canCheck = true;
  for (;;) {
    try {
      if (position === null) {
        await clock.sleep(Math.max(0, listAfterMs - clock.nowMs()), signal);
        listAfterMs = clock.nowMs() + timing.listIntervalMs;
        reader.beginList(isRewound);
        let newest: Mark | null = null;
        position = await list(
          connection,
          range,
          (entry) => {
            reader.put(entry);
            newest = later(newest, entry);
          },
          signal,
        );
        reader.endList();
        isRewound = false;
        resumes = false;
        canCheck = true;
        mark = newest;
        yield;
      }
      if (ownWrite !== undefined) mark = later(mark, ownWrite());
      const from = { revision: position.revision, mark: resumes && canCheck ? mark : null };
      resumes = true;
      let isUnchecked = from.mark === null && mark !== null && !canCheck;
      const responses = watch(
        connection,
        range,
        from,
        { confirmWithinMs: timing.requestTimeoutMs, clock },
        signal,
      );
      for await (const response of responses) {
        refuseOtherHistory(response, position, range);
        if (isUnchecked && mark !== null) await refuseUnlessUnchanged(connection, range, mark, signal);
        isUnchecked = false;
        backoff.reset();
        const seen: bigint = applyEvents(response, position.revision, range, reader);
        if (seen === position.revision) continue;
        const last = response.events.at(-1);
        if (last !== undefined) mark = later(null, readEntry(last.kv, range.prefix));
        canCheck = true;
        position = { ...position, revision: seen };
        yield;
      }
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof TweedError)) throw error;
      if (error.code === "store-compacted" && mark !== null && canCheck) {
        // The newest entry may be older than what etcd keeps: then its key shows whether it is the newest still.
        canCheck = false;
        continue;
      }
      if (error.code === "store-compacted" || error.code === "store-rewound") {
        isRewound ||= error.code === "store-rewound";
        log.info({ op: error.operation, code: error.code, reason: error.message }, "listing etcd again");
        position = null;
      }
      // Nobody was asked, or nobody answered: such a listing does not count against the limit.
      else if (position === null && isRetryable(error)) listAfterMs = clock.nowMs();
      await clock.sleep(backoff.nextMs(), signal);
    }
  }
}

/**
 * For want of the history that the mark is in. What was written or deleted since may be of either history, and costs a
 * listing.
 * @throws TweedError `store-compacted` where the key of the mark is not as the mark has it
 */
async function refuseUnlessUnchanged(
  connection: EtcdConnection,
  range: KeyRange,
  { key, modRevision, createRevision }: Mark,
  signal: AbortSignal,
): Promise<void> {
  let isUnchanged = false;
  const compare = (entry: Entry) => {
    isUnchanged = entry.modRevision === modRevision && entry.createRevision === createRevision;
  };
  await list(connection, singleKey(range.prefix + key), compare, signal);
  if (isUnchanged) return;
  throw new TweedError({
    code: "store-compacted",
    operation: `watch ${range.prefix}`,
    reason: `etcd keeps no history as of revision ${modRevision}, and ${key === "" ? "the key" : key} is another now`,
  });
}

function later(one: Mark | null, { key, modRevision, createRevision }: Mark): Mark {
  return one !== null && one.modRevision >= modRevision ? one : { key, modRevision, createRevision };
}

/** @returns the last revision that is now known in full; etcd never splits one over two responses */
function applyEvents(response: IWatchResponse, known: bigint, range: KeyRange, reader: RangeReader): bigint {
  let seen = known;
  for (const event of response.events) {
    const entry = readEntry(event.kv, range.prefix);
    // A member that lagged behind when the watch began may send what is known already.
    if (entry.modRevision <= known) continue;
    if (event.type === "Delete") reader.delete(entry.key, entry.modRevision);
    else reader.put(entry);
    if (entry.modRevision > seen) seen = entry.modRevision;
  }
  return seen;
}

/**
 * A member that only lags behind looks the same as a restored backup, and costs one listing too many.
 * @throws TweedError `store-rewound`
 */
function refuseOtherHistory(response: IWatchResponse, position: Position, range: KeyRange): void {
  const now = positionOf(response.header);
  if (now.clusterId === position.clusterId && now.revision >= position.revision) return;
  throw new TweedError({
    code: "store-rewound",
    operation: `watch ${range.prefix}`,
    reason: `etcd is at revision ${now.revision} of cluster ${now.clusterId}, behind or beside what was read before`,
  });
}
