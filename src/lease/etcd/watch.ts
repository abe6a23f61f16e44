/** One watch on one connection: what etcd sends, in order, until the first thing that goes wrong. */
import type { IWatchResponse } from "etcd3";
import { abortable } from "../../runtime/abortable.ts";
import { TweedError } from "../../runtime/error.ts";
import type { WatchStream } from "./client.ts";
import type { EtcdConnection } from "./connection.ts";
import { etcdError } from "./error.ts";
import { type KeyRange, rangeFields } from "./keys.ts";

/**
 * Every change of the range from `revision` on; the first response is etcd's confirmation, without changes.
 * Ends by throwing only. A connection that dies without a word is noticed by gRPC's keepalive.
 * @throws TweedError with an `EtcdErrorCode`
 */
export async function* watch(
  connection: EtcdConnection,
  range: KeyRange,
  revision: bigint,
  confirmWithinMs: number,
  signal: AbortSignal,
): AsyncGenerator<IWatchResponse, never> {
  const operation = `watch ${range.prefix}`;
  const client = connection.streamClient();
  const inbox = new Inbox();
  const timer = setTimeout(() => inbox.fail(new Error("not confirmed in time")), confirmWithinMs);
  let stream: WatchStream | null = null;
  try {
    const opening = client.then((created) => created.watchClient.watch());
    // A stream that opens after this generator was left would never be closed.
    opening.then((late) => signal.aborted && hangUp(late)).catch(() => undefined);
    stream = await abortable(opening, signal);
    inbox.listen(stream);
    stream.write({
      create_request: { ...rangeFields(range), start_revision: revision.toString() },
    });
    for (;;) {
      const response = await inbox.next(signal);
      clearTimeout(timer);
      refuseCancelled(response, operation);
      connection.succeeded();
      yield response;
    }
  } catch (error) {
    signal.throwIfAborted();
    const failure = etcdError(operation, error);
    if (failure.code !== "store-compacted") connection.failed(client, failure);
    throw failure;
  } finally {
    clearTimeout(timer);
    if (stream !== null) hangUp(stream);
  }
}

function hangUp(stream: WatchStream): void {
  // Ended first: etcd3 takes the error that cancelling an open stream raises for a failure of the whole client.
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
        reason: `etcd keeps no history before revision ${response.compact_revision}`,
      })
    : new Error(`etcd ended the watch: ${response.cancel_reason || "no reason given"}`);
}

/** What came and was not read yet, then what ended the stream. */
class Inbox {
  readonly #responses: IWatchResponse[] = [];
  #failure: Error | null = null;
  #wake = () => {};

  listen(stream: WatchStream): void {
    stream
      .on("data", (response) => {
        this.#responses.push(response);
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
