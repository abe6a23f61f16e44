/**
 * Follows a range of keys: all of it at one revision, then every change after it.
 *
 * After a broken watch the next one resumes after the last revision seen; etcd answers with every change since, or
 * with "compacted". So a break costs a new stream, not a new listing by every daemon at once. Only a history that is
 * gone, different or too large requires a listing: a compacted revision, a restored backup, another cluster behind the
 * same name, more changes than one message holds.
 *
 * A restored backup has a lower revision only until enough writes have followed. So a watch that resumes begins with
 * the newest known entry, the mark: any other entry in its place means a different history. What was deleted after it
 * before a listing leaves no entry: another history is then found by what it did meanwhile, or by the number of keys.
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
import { hasChangedSince } from "./silence.ts";
import type { EtcdTiming } from "./timing.ts";
import { isMarkOf, type Mark, markOf, watch } from "./watch.ts";

/** Receives the entries; keys are without the range's prefix. */
export interface RangeReader {
  /**
   * A listing begins; entries without a `put` until its end are gone.
   * @param isRewound the history is a different one: its revisions do not compare with earlier ones
   */
  beginList(isRewound: boolean): void;
  endList(): void;
  put(entry: Entry): void;
  /** @param modRevision of the deletion */
  delete(key: string, modRevision: bigint): void;
  has(key: string): boolean;
  /** The number of keys. */
  readonly size: number;
}

export interface FollowContext {
  readonly connection: EtcdConnection;
  readonly timing: EtcdTiming;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** The last write of this process: etcd may be restored before the watch has delivered it. */
  readonly ownWrite?: () => Mark;
}

/**
 * The watch cannot resume. etcd sends all that a watch has missed, up to a thousand revisions, as one message, which a few
 * dozen large values make larger than a client accepts; a listing takes as many messages as necessary. A watch that
 * delivers nothing may have lost changes.
 */
const RELIST: ReadonlySet<string> = new Set([
  "store-compacted",
  "store-rewound",
  "store-answer-too-large",
  "store-silent",
]);

/** Yields after each listing and each batch of changes, once `reader` has all of it. Retries during outages. */
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
  /** The newest known entry, for a watch that resumes to begin with. */
  let mark: Mark | null = null;
  let resumes = false;
  /** False when etcd has compacted the revision of the mark. */
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
            if (newest === null || entry.modRevision > newest.modRevision) newest = markOf(entry);
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
      const everyMs = timing.silenceCheckMs / 2 + random.below(timing.silenceCheckMs);
      const isBehind = async (ended: AbortSignal) =>
        position !== null &&
        hasChangedSince(connection, range, { revision: position.revision, keys: reader.size }, ended);
      let isUnchecked = from.mark === null && mark !== null && !canCheck;
      const repeated = from.mark === null ? null : new RepeatedChanges(from.mark, position, range);
      const responses = watch(
        connection,
        range,
        from,
        { confirmWithinMs: timing.requestTimeoutMs, clock, silence: { everyMs, isBehind } },
        signal,
      );
      for await (const response of responses) {
        refuseOtherHistory(response, position, range);
        if (isUnchecked && mark !== null) await refuseUnlessUnchanged(connection, range, mark, signal);
        isUnchecked = false;
        repeated?.check(response, reader);
        backoff.reset();
        const seen: bigint = applyEvents(response, position.revision, range, reader);
        if (seen === position.revision) continue;
        const last = response.events.at(-1);
        if (last !== undefined) mark = markOf(readEntry(last.kv, range.prefix));
        canCheck = true;
        position = { ...position, revision: seen };
        yield;
      }
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof TweedError)) throw error;
      if (error.code === "store-compacted" && mark !== null && canCheck) {
        // The newest entry may be older than etcd's history: then its key shows whether it is still the newest.
        canCheck = false;
        continue;
      }
      if (RELIST.has(error.code)) {
        isRewound ||= error.code === "store-rewound";
        log.info({ op: error.operation, code: error.code, reason: error.message }, "listing etcd again");
        position = null;
      }
      // A listing that was not sent or not answered does not count against the limit.
      else if (position === null && isRetryable(error)) listAfterMs = clock.nowMs();
      await clock.sleep(backoff.nextMs(), signal);
    }
  }
}

/**
 * The check of a mark whose revision is compacted. A later write or deletion may belong to either history, and costs
 * a listing.
 * @throws TweedError `store-compacted` when the key of the mark has changed
 */
async function refuseUnlessUnchanged(
  connection: EtcdConnection,
  range: KeyRange,
  mark: Mark,
  signal: AbortSignal,
): Promise<void> {
  const { key, modRevision } = mark;
  let isUnchanged = false;
  const compare = (entry: Entry) => {
    isUnchanged = isMarkOf({ ...mark, key: "" }, entry);
  };
  await list(connection, singleKey(range.prefix + key), compare, signal);
  if (isUnchanged) return;
  throw new TweedError({
    code: "store-compacted",
    operation: `watch ${range.prefix}`,
    reason: `etcd has compacted revision ${modRevision}, and ${key === "" ? "the key" : key} has changed since`,
  });
}

function later(one: Mark | null, other: Mark): Mark {
  return one !== null && one.modRevision >= other.modRevision ? one : other;
}

/** @returns the last revision that is complete; etcd never splits one over two responses */
function applyEvents(response: IWatchResponse, known: bigint, range: KeyRange, reader: RangeReader): bigint {
  let seen = known;
  for (const event of response.events) {
    const entry = readEntry(event.kv, range.prefix);
    // A member that lagged when the watch began may repeat known changes.
    if (entry.modRevision <= known) continue;
    if (event.type === "Delete") reader.delete(entry.key, entry.modRevision);
    else reader.put(entry);
    if (entry.modRevision > seen) seen = entry.modRevision;
  }
  return seen;
}

/** etcd splits what a watch has missed after so many revisions. */
const REVISIONS_PER_RESPONSE = 1_000;

/**
 * What a watch repeats of the changes between the newest entry and the position of a listing: in the same history only
 * keys that are deleted in the end, and that the listing does not have.
 */
class RepeatedChanges {
  readonly #mark: Mark;
  readonly #position: Position;
  readonly #range: KeyRange;
  /** The last one of each key. */
  readonly #changes = new Map<string, { readonly isDeletion: boolean; readonly modRevision: bigint }>();
  #isComplete = false;

  constructor(mark: Mark, position: Position, range: KeyRange) {
    this.#mark = mark;
    this.#position = position;
    this.#range = range;
  }

  /** @throws TweedError `store-rewound` */
  check({ events }: IWatchResponse, reader: RangeReader): void {
    if (this.#isComplete || events.length === 0) return;
    const { revision } = this.#position;
    const revisions = new Set<bigint>();
    for (const { type, kv } of events) {
      const { key, modRevision } = readEntry(kv, this.#range.prefix);
      revisions.add(modRevision);
      if (modRevision > this.#mark.modRevision && modRevision <= revision)
        this.#changes.set(key, { isDeletion: type === "Delete", modRevision });
      else if (modRevision > revision) this.#isComplete = true;
    }
    this.#isComplete ||= revisions.size < REVISIONS_PER_RESPONSE;
    if (this.#isComplete) this.#judge(reader);
  }

  #judge(reader: RangeReader): void {
    for (const [key, { isDeletion, modRevision }] of this.#changes) {
      if (isDeletion && !reader.has(key)) continue;
      throw new TweedError({
        code: "store-rewound",
        operation: `watch ${this.#range.prefix}`,
        reason: `etcd has changed ${key} at revision ${modRevision}, which a listing at revision ${this.#position.revision} does not show`,
      });
    }
  }
}

/**
 * A lagging member looks the same as a restored backup, and costs one needless listing.
 * @throws TweedError `store-rewound`
 */
function refuseOtherHistory(response: IWatchResponse, position: Position, range: KeyRange): void {
  const now = positionOf(response.header);
  if (now.clusterId === position.clusterId && now.revision >= position.revision) return;
  throw new TweedError({
    code: "store-rewound",
    operation: `watch ${range.prefix}`,
    reason: `etcd is at revision ${now.revision} of cluster ${now.clusterId}, before revision ${position.revision} or in another cluster`,
  });
}
