/**
 * Follows all nodes: lists them, then watches every change. A broken watch resumes after the last event seen. A new
 * listing is needed only when the API server has expired that version, or has not reached it: a server that was restored
 * from a backup accepts a watch at a version ahead of its own, and sends nothing. So the server is asked for its version
 * before a watch resumes that broke or ended early, and a silent watch counts as one at such a version.
 *
 * The first list may come from a lagging replica (`resourceVersion=0`, which costs etcd nothing): the watch then delivers
 * what is missing. A later one is never older than what was read before, unless etcd itself is.
 */
import { Backoff } from "../../runtime/backoff.ts";
import { TweedError } from "../../runtime/error.ts";
import type { Log } from "../../runtime/log.ts";
import type { StoreSurroundings } from "../store.ts";
import type { Api } from "./api.ts";
import { ApiError, readStatus, refusal, unavailable } from "./api-error.ts";
import { JsonCursor } from "./json-cursor.ts";
import { identify, LargeObject } from "./large-object.ts";
import { LineSplitter } from "./line-splitter.ts";
import { ListSplitter } from "./list-splitter.ts";
import { isOlderVersion, newerVersion } from "./node-record.ts";
import type { KubernetesTiming } from "./timing.ts";

/** Receives the nodes, as JSON; the bytes are valid only until the method returns. */
export interface NodeReader {
  /** A listing begins; nodes without a `put` until its end are gone. */
  beginList(): void;
  endList(): void;
  /** True when that changed a lease. Other bytes may follow the node's. */
  put(node: Buffer): boolean;
  delete(node: Buffer): boolean;
  /** A node that is too large to read. */
  skipLarge(name: string, bytes: number): boolean;
  deleteNamed(name: string): boolean;
}

export interface FollowContext extends StoreSurroundings {
  readonly api: Api;
  readonly timing: KubernetesTiming;
}

/** The resource version after which a watch begins; carried over from one `follow` to the next. */
export interface WatchPosition {
  version: string | null;
  /** The newest version that is known otherwise: before the present listing, or by an answer to another request. */
  knownVersion: string | null;
  /** How often the history was replaced by another one: versions do not compare across that. */
  rewinds: number;
  /** How long watches from here have been open without an event. */
  silentMs: number;
}

const PATH = "/api/v1/nodes";
const PAGE = "500";
/** Back-off for refusals that persist, such as a missing role. */
const RETRY = { firstMs: 1_000, maxMs: 30_000 };
/** After a watch shorter than this the next one waits. */
const SHORT_WATCH_MS = 1_000;

/** Yields after each listing and each batch of changes, once `reader` has all of it. Retries during outages. */
export async function* follow(
  context: FollowContext,
  position: WatchPosition,
  reader: NodeReader,
  signal: AbortSignal,
): AsyncGenerator<void, never> {
  const { timing, clock, random, log } = context;
  const backoff = new Backoff({ ...RETRY, random });
  let listAfterMs = clock.nowMs();
  let mayBeRewound = false;
  for (;;) {
    try {
      if (position.version === null) {
        await clock.sleep(Math.max(0, listAfterMs - clock.nowMs()), signal);
        listAfterMs = clock.nowMs() + timing.listIntervalMs;
        const known = position.knownVersion;
        const listed = await listNotOlder(context, reader, known, signal);
        if (known !== null && isOlderVersion(listed, known)) {
          position.rewinds += 1;
          position.knownVersion = null;
          log.warn({ op: "list nodes" }, "API server was restored to an earlier state");
        }
        position.version = listed;
        mayBeRewound = false;
        yield;
      }
      if (mayBeRewound)
        await refuseRewound(context, newerVersion(position.knownVersion, position.version), signal);
      const seconds = timing.watchSeconds + random.below(timing.watchSeconds);
      const beganMs = clock.nowMs();
      for await (const hasChanged of watch(context, position, seconds, reader, signal)) {
        backoff.reset();
        if (hasChanged) yield;
      }
      const lastedMs = clock.nowMs() - beganMs;
      mayBeRewound = lastedMs < seconds * 1_000;
      if (lastedMs < SHORT_WATCH_MS) await clock.sleep(backoff.nextMs(), signal);
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof TweedError)) throw error;
      mayBeRewound = true;
      if (error.code === "store-expired") {
        log.info({ op: error.operation, code: error.code, reason: error.message }, "listing nodes again");
        // A listing may expire too, between two pages.
        if (position.version !== null)
          position.knownVersion = newerVersion(position.knownVersion, position.version);
        position.version = null;
        listAfterMs = Math.max(listAfterMs, clock.nowMs() + random.below(timing.listSpreadMs));
      } else if (!(error instanceof ApiError && error.isOutage)) {
        log.warn(
          { op: error.operation, code: error.code, reason: error.message },
          "nodes not watched, will retry",
        );
        await clock.sleep(backoff.nextMs(), signal);
      } else if (position.version === null) listAfterMs = clock.nowMs();
    }
  }
}

/**
 * Lists from a cache that has reached the version known before: behind one address there may be several servers, and one
 * that lags would take back what was read already. Without such a cache etcd decides what is newer.
 * @returns the resource version of the list
 */
async function listNotOlder(
  context: FollowContext,
  reader: NodeReader,
  known: string | null,
  signal: AbortSignal,
): Promise<string> {
  if (known === null) return list(context, reader, signal, "any");
  try {
    return await list(context, reader, signal, { notOlderThan: known });
  } catch (error) {
    if (!(error instanceof ApiError) || error.code !== "store-expired") throw error;
    context.log.info(
      { op: error.operation, code: error.code, reason: error.message },
      "listing nodes from etcd",
    );
    return list(context, reader, signal, "newest");
  }
}

/**
 * Asks etcd by the shortest list.
 * @throws ApiError `store-expired` when the server is behind this version
 */
async function refuseRewound(
  { api }: Pick<FollowContext, "api">,
  version: string,
  signal: AbortSignal,
): Promise<void> {
  const operation = "read the version of nodes";
  const splitter = new ListSplitter(() => {});
  for await (const chunk of api.stream({ operation, path: PATH, query: { limit: "1" } }, signal))
    splitter.push(chunk);
  const { version: current } = readListMetadata(splitter.envelope, operation);
  if (!isOlderVersion(current, version)) return;
  const reason = `the API server is at version ${current}, before ${version}, the last one that was read`;
  throw new ApiError({ operation, code: "store-expired", reason, isAnswer: true });
}

type ListSource = "any" | "newest" | { readonly notOlderThan: string };

/** A page limit with a version other than 0 would make the server read etcd instead of its cache. */
function queryFor(from: ListSource): Readonly<Record<string, string>> {
  if (from === "any") return { limit: PAGE, resourceVersion: "0" };
  if (from === "newest") return { limit: PAGE };
  return { resourceVersion: from.notOlderThan, resourceVersionMatch: "NotOlderThan" };
}

/**
 * @param from a cache of the API server, which may lag, or etcd
 * @returns the resource version of the list
 */
export async function list(
  { api, log }: Pick<FollowContext, "api" | "log">,
  reader: NodeReader,
  signal: AbortSignal,
  from: ListSource = "any",
): Promise<string> {
  const operation = "list nodes";
  reader.beginList();
  let query = queryFor(from);
  for (;;) {
    const splitter = new ListSplitter((node) => {
      if (node instanceof LargeObject) skipLarge(node, identify(node.head).name, reader, log);
      else reader.put(node);
    });
    const request = { operation, path: PATH, query };
    for await (const chunk of api.stream(request, signal)) splitter.push(chunk);
    const { version, next } = readListMetadata(splitter.envelope, operation);
    if (next === "") {
      reader.endList();
      return version;
    }
    query = { limit: PAGE, continue: next };
  }
}

function readListMetadata(
  envelope: string,
  operation: string,
): { readonly version: string; readonly next: string } {
  try {
    const { metadata } = JSON.parse(envelope) as { readonly metadata?: Readonly<Record<string, unknown>> };
    if (typeof metadata?.resourceVersion === "string") {
      return { version: metadata.resourceVersion, next: String(metadata.continue ?? "") };
    }
  } catch (error) {
    throw unavailable(operation, "the answer is not a complete list", error);
  }
  throw unavailable(operation, "the answer has no resourceVersion");
}

/** Yields, for each chunk, whether a lease changed; ends when the server ends the watch. */
async function* watch(
  { api, timing, clock, log }: FollowContext,
  position: WatchPosition,
  seconds: number,
  reader: NodeReader,
  signal: AbortSignal,
): AsyncGenerator<boolean, void> {
  const request = {
    operation: "watch nodes",
    path: PATH,
    query: {
      watch: "1",
      allowWatchBookmarks: "true",
      resourceVersion: position.version ?? "0",
      timeoutSeconds: String(seconds),
    },
    silenceMs: timing.watchSilenceMs,
  };
  const lines = new LineSplitter();
  const beganMs = clock.nowMs();
  let isAccepted = false;
  let hasReceived = false;
  let failure: unknown = null;
  try {
    for await (const chunk of api.stream(request, signal)) {
      isAccepted = true;
      let hasChanged = false;
      for (const line of lines.push(chunk)) {
        hasReceived = true;
        const isLarge = line instanceof LargeObject;
        const changes = isLarge
          ? readLargeEvent(line, position, reader, log)
          : readEvent(line, position, reader);
        hasChanged ||= changes;
      }
      yield hasChanged;
    }
  } catch (error) {
    signal.throwIfAborted();
    failure = error;
  }
  if (hasReceived) position.silentMs = 0;
  else if (isAccepted) position.silentMs += clock.nowMs() - beganMs;
  if (position.silentMs >= timing.watchSilenceMs) {
    position.silentMs = 0;
    const reason = "watches received nothing, not even a bookmark";
    throw new ApiError({ operation: request.operation, code: "store-expired", reason, isAnswer: false });
  }
  if (failure !== null) throw failure;
}

/** @throws ApiError when the event says that the watch cannot go on */
function readEvent(line: Buffer, position: WatchPosition, reader: NodeReader): boolean {
  const { type, object } = openEvent(line);
  if (type === "ERROR") {
    throw refusal("watch nodes", readStatus(500, new JsonCursor(object).text(), undefined), "watch on nodes");
  }
  const hasChanged = type === "DELETED" ? reader.delete(object) : type !== "BOOKMARK" && reader.put(object);
  position.version = resourceVersionOf(object) ?? position.version;
  return hasChanged;
}

/** The event's type, and its object from the first byte on. */
function openEvent(line: Buffer): { readonly type: string; readonly object: Buffer } {
  let type = "";
  let object = line.subarray(0, 0);
  const cursor = new JsonCursor(line);
  cursor.eachKey((key) => {
    if (key === "type") type = cursor.string();
    if (key !== "object") return;
    // The server writes the type first: then the object's end need not be found.
    object = type === "" ? cursor.slice() : cursor.rest();
    if (type !== "") cursor.leave();
  });
  return { type, object };
}

function readLargeEvent(line: LargeObject, position: WatchPosition, reader: NodeReader, log: Log): boolean {
  const { type, object } = openEvent(line.head);
  const { name, version } = identify(object);
  position.version = version ?? position.version;
  if (type === "DELETED" && name !== null) return reader.deleteNamed(name);
  return skipLarge(line, name, reader, log);
}

/** A Node that was made too large is skipped alone: the others are read. */
function skipLarge({ bytes }: LargeObject, name: string | null, reader: NodeReader, log: Log): boolean {
  if (name !== null) return reader.skipLarge(name, bytes);
  log.warn({ op: "read-lease", code: "invalid-lease", reason: `it has ${bytes} bytes` }, "Node skipped");
  return false;
}

function resourceVersionOf(object: Buffer): string | null {
  let version: string | null = null;
  const cursor = new JsonCursor(object);
  const visitMetadata = (key: string) => {
    if (key !== "resourceVersion") return;
    version = cursor.string() || null;
    cursor.leave();
  };
  cursor.eachKey((key) => {
    if (key === "metadata") cursor.eachKey(visitMetadata);
  });
  return version;
}
