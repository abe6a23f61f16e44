/** The watchers of an etcd. Model of mvcc/watchable_store.go and v3rpc/watch.go of etcd 3.4. */
import type { IResponseHeader, IWatchRequest, IWatchResponse } from "etcd3";
import { eventOf } from "./answers.ts";
import type { KeyHistory, KeyVersion } from "./key-history.ts";
import { isWithin, type KeySpan, spanOf } from "./key-span.ts";
import { inGoWords, RpcError } from "./rpc-error.ts";

export interface HubParts {
  readonly history: () => KeyHistory;
  /** @param revision of the header; 0 as etcd sends it with a cancellation */
  readonly header: (revision: number) => IResponseHeader;
  /** Asks for a call of `synchronise` within a tenth of a second, as etcd's loop does. */
  readonly synchroniseSoon: () => void;
  readonly onProgressDue: (notify: () => void) => () => void;
}

interface Watcher {
  readonly id: number;
  readonly stream: ServerWatchStream;
  readonly span: KeySpan;
  /** The first revision that it has not received. */
  next: number;
  /** False while the history holds changes for it. */
  isSynced: boolean;
  readonly stopProgress: () => void;
}

/** etcd sends at most so many revisions in one answer of a watcher that catches up. */
const MAX_REVISIONS = 1_000;

export class WatchHub {
  readonly #parts: HubParts;
  readonly #watchers = new Set<Watcher>();

  constructor(parts: HubParts) {
    this.#parts = parts;
  }

  /** The number of watchers. */
  get size(): number {
    return this.#watchers.size;
  }

  /** @param check throws RpcError when the caller may not watch these keys */
  open(send: (response: IWatchResponse) => void, check: (span: KeySpan) => void): ServerWatchStream {
    return new ServerWatchStream(this, send, check);
  }

  /** Sends the changes of one transaction to those that have all before it. */
  notify(changes: readonly KeyVersion[]): void {
    const revision = changes[0]?.modRevision ?? 0;
    for (const watcher of this.#watchers) {
      if (!watcher.isSynced || revision < watcher.next) continue;
      const own = changes.filter((change) => isWithin(change.key, watcher.span));
      if (own.length > 0) this.#send(watcher, revision, own);
      watcher.next = revision + 1;
    }
  }

  /** Sends what the history has for those that resume. */
  synchronise(): void {
    const { history, header } = this.#parts;
    const { revision, compacted } = history();
    for (const watcher of this.#watchers) {
      if (watcher.isSynced) continue;
      if (watcher.next < compacted) {
        this.#remove(watcher);
        const refusal = { ...response(header(0), watcher.id), canceled: true };
        watcher.stream.send({ ...refusal, compact_revision: String(compacted) });
        continue;
      }
      const due = history().changesFrom(watcher.next, watcher.span);
      const last = new Set(due.map(({ modRevision }) => modRevision));
      const revisions = [...last];
      const end = revisions[MAX_REVISIONS] ?? Number.POSITIVE_INFINITY;
      const batch = due.filter(({ modRevision }) => modRevision < end);
      if (batch.length > 0) this.#send(watcher, revision, batch);
      watcher.isSynced = revisions.length <= MAX_REVISIONS;
      watcher.next = watcher.isSynced ? revision + 1 : end;
    }
    if ([...this.#watchers].some((watcher) => !watcher.isSynced)) this.#parts.synchroniseSoon();
  }

  create(stream: ServerWatchStream, id: number, request: NonNullable<IWatchRequest["create_request"]>): void {
    const { history, header, synchroniseSoon, onProgressDue } = this.#parts;
    const { revision } = history();
    const span = spanOf(request);
    try {
      stream.check(span);
    } catch (error) {
      if (!(error instanceof RpcError)) throw error;
      const refused = { ...response(header(revision), -1), created: true, canceled: true };
      stream.send({ ...refused, cancel_reason: inGoWords(error) });
      return;
    }
    stream.send({ ...response(header(revision), id), created: true });
    const start = Number(request.start_revision ?? 0);
    const next = start === 0 ? revision + 1 : start;
    const stopProgress =
      request.progress_notify === true
        ? onProgressDue(() => stream.send(response(header(history().revision), id)))
        : () => undefined;
    this.#watchers.add({ id, stream, span, next, isSynced: next > revision, stopProgress });
    if (next <= revision) synchroniseSoon();
  }

  cancel(stream: ServerWatchStream, id: number): void {
    for (const watcher of this.#watchers) {
      if (watcher.stream !== stream || watcher.id !== id) continue;
      this.#remove(watcher);
      const { history, header } = this.#parts;
      stream.send({ ...response(header(history().revision), id), canceled: true });
    }
  }

  reportProgress(stream: ServerWatchStream): void {
    stream.send(response(this.#parts.header(this.#parts.history().revision), -1));
  }

  close(stream: ServerWatchStream): void {
    for (const watcher of this.#watchers) if (watcher.stream === stream) this.#remove(watcher);
  }

  /** The process has ended: nobody is notified. */
  clear(): void {
    for (const watcher of [...this.#watchers]) this.#remove(watcher);
  }

  #remove(watcher: Watcher): void {
    watcher.stopProgress();
    this.#watchers.delete(watcher);
  }

  #send(watcher: Watcher, revision: number, changes: readonly KeyVersion[]): void {
    const { header } = this.#parts;
    watcher.stream.send({ ...response(header(revision), watcher.id), events: changes.map(eventOf) });
  }
}

/** The server's end of one stream of watches. */
export class ServerWatchStream {
  readonly #hub: WatchHub;
  readonly send: (response: IWatchResponse) => void;
  readonly check: (span: KeySpan) => void;
  #created = 0;

  constructor(hub: WatchHub, send: (response: IWatchResponse) => void, check: (span: KeySpan) => void) {
    this.#hub = hub;
    this.send = send;
    this.check = check;
  }

  receive(request: IWatchRequest): void {
    if (request.create_request !== undefined) this.#hub.create(this, this.#created++, request.create_request);
    if (request.cancel_request !== undefined)
      this.#hub.cancel(this, Number(request.cancel_request.watch_id ?? 0));
    if (request.progress_request !== undefined) this.#hub.reportProgress(this);
  }

  close(): void {
    this.#hub.close(this);
  }
}

function response(header: IResponseHeader, id: number): IWatchResponse {
  return {
    header,
    watch_id: String(id),
    created: false,
    canceled: false,
    compact_revision: "0",
    cancel_reason: "",
    fragment: false,
    events: [],
  };
}
