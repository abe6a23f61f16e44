/** One watch on one connection: etcd's responses, in order, until the first failure. */
import { createHash } from "node:crypto";
import type { IWatchResponse } from "etcd3";
import { abortable } from "../../runtime/abortable.ts";
import type { Clock } from "../../runtime/clock.ts";
import { TweedError } from "../../runtime/error.ts";
import type { WatchStream } from "./client.ts";
import type { EtcdConnection } from "./connection.ts";
import { type Entry, readEntry } from "./entry.ts";
import { etcdError, isAnswer } from "./error.ts";
import { type KeyRange, rangeFields } from "./keys.ts";
import { type SilenceChecks, untilSilent } from "./silence.ts";

/** An entry as it was last written, or its deletion. Two histories may have all of it but the content in common. */
export interface Mark extends Pick<Entry, "key" | "modRevision" | "createRevision"> {
  /** See {@link contentOf}; null where it is not known. */
  readonly content: string | null;
}

export interface WatchChecks {
  readonly confirmWithinMs: number;
  readonly clock: Clock;
  readonly silence: Pick<SilenceChecks, "everyMs" | "isBehind">;
}

/**
 * Yields every change of the range after `revision`; the first response is etcd's confirmation, without changes.
 * Ends by throwing only. gRPC's keepalive detects a connection that dies silently, and `silence` a watch that does.
 * @param from with a mark the changes begin with it, and those up to `revision` may repeat
 * @throws TweedError with an `EtcdErrorCode`; `store-rewound` when the mark is missing, `store-silent` when
 *   changes are not delivered
 */
export async function* watch(
  connection: EtcdConnection,
  range: KeyRange,
  { revision, mark }: { readonly revision: bigint; readonly mark: Mark | null },
  { confirmWithinMs, clock, silence }: WatchChecks,
  signal: AbortSignal,
): AsyncGenerator<IWatchResponse, never> {
  const operation = `watch ${range.prefix}`;
  const client = connection.streamClient();
  const inbox = new Inbox();
  const failLate = (error: Error) => clock.startTimer(confirmWithinMs, () => inbox.fail(error));
  let timer = failLate(new Error("not confirmed in time"));
  let isMarkDue = mark !== null;
  let stream: WatchStream | null = null;
  const ended = new AbortController();
  const checks = { ...silence, clock, settleMs: confirmWithinMs, received: () => inbox.received };
  try {
    const opening = client.then((created) => created.watchClient.watch());
    // A stream that opens after this generator has returned would never be closed.
    opening.then((late) => signal.aborted && closeStream(late)).catch(() => undefined);
    stream = await abortable(opening, signal);
    inbox.listen(stream);
    stream.write({
      create_request: {
        ...rangeFields(range),
        start_revision: (mark === null ? revision + 1n : mark.modRevision).toString(),
      },
    });
    const reason = "the watch is open, and does not deliver what etcd has";
    untilSilent(checks, ended.signal).then(
      () => inbox.fail(new TweedError({ code: "store-silent", operation, reason })),
      () => undefined,
    );
    for (;;) {
      const response = await inbox.next(signal);
      timer.cancel();
      refuseCancelled(response, operation);
      connection.succeeded();
      if (isMarkDue && mark !== null) {
        const other = otherHistory(operation, mark);
        if (response.events.length === 0) timer = failLate(other);
        else if (!beginsWith(response, mark, range)) throw other;
        else isMarkDue = false;
      }
      yield response;
    }
  } catch (error) {
    signal.throwIfAborted();
    const failure = etcdError(operation, error);
    if (!isAnswer(failure) && failure.code !== "store-rewound") {
      connection.failed(client, failure);
    }
    throw failure;
  } finally {
    timer.cancel();
    ended.abort();
    if (stream !== null) closeStream(stream);
  }
}

export function markOf(entry: Entry): Mark {
  const { key, modRevision, createRevision } = entry;
  return { key, modRevision, createRevision, content: contentOf(entry) };
}

export function isMarkOf(mark: Mark, entry: Entry): boolean {
  return (
    entry.key === mark.key &&
    entry.modRevision === mark.modRevision &&
    entry.createRevision === mark.createRevision &&
    (mark.content === null || mark.content === contentOf(entry))
  );
}

/** No part of a message: a value would retain all of it. */
function contentOf({ version, value }: Entry): string {
  return `${version} ${createHash("sha256").update(value).digest("base64")}`;
}

function beginsWith({ events }: IWatchResponse, mark: Mark, range: KeyRange): boolean {
  const entries = events.map(({ kv }) => readEntry(kv, range.prefix));
  return entries[0]?.modRevision === mark.modRevision && entries.some((entry) => isMarkOf(mark, entry));
}

function otherHistory(operation: string, { key, modRevision }: Mark): TweedError {
  const reason = `etcd no longer has ${key === "" ? "the key" : key} at revision ${modRevision}, which was read before`;
  return new TweedError({ code: "store-rewound", operation, reason });
}

function closeStream(stream: WatchStream): void {
  // End before cancel: etcd3 takes the error of cancelling an open stream for a failure of the whole client.
  stream.end();
  stream.cancel();
}

function refuseCancelled(response: IWatchResponse, operation: string): void {
  if (!response.canceled) return;
  const isCompacted = BigInt(response.compact_revision) > 0n;
  throw isCompacted
    ? new TweedError({
        code: "store-compacted",
        operation,
        reason: `etcd has no history before revision ${response.compact_revision}`,
      })
    : new Error(`etcd ended the watch: ${response.cancel_reason || "no reason given"}`);
}

/** Queues responses until they are read, then the error that ended the stream. */
class Inbox {
  readonly #responses: IWatchResponse[] = [];
  received = 0;
  #failure: Error | null = null;
  #wake = () => {};

  listen(stream: WatchStream): void {
    stream
      .on("data", (response) => {
        this.#responses.push(response);
        this.received += 1;
        this.#wake();
      })
      .on("error", (error) => this.fail(error))
      .on("end", () => this.fail(new Error("etcd closed the stream")));
  }

  fail(error: Error): void {
    this.#failure ??= error;
    this.#wake();
  }

  async next(signal: AbortSignal): Promise<IWatchResponse> {
    for (;;) {
      const response = this.#responses.shift();
      if (response !== undefined) return response;
      if (this.#failure !== null) throw this.#failure;
      await abortable(
        new Promise<void>((resolve) => {
          this.#wake = resolve;
        }),
        signal,
      );
    }
  }
}
