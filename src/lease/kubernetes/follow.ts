/**
 * Follows all nodes: lists them, then hears of every change. A broken watch resumes behind the last event that was
 * seen; listing is left for when the API server has forgotten that position, or may not have come to it yet: one that was
 * restored from a backup takes a watch at a version ahead of its own, and is silent.
 *
 * Answers may come from a replica that lags behind (`resourceVersion=0`, which costs etcd nothing): the watch then
 * brings what is missing.
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
import { isOlderVersion } from "./node-record.ts";
import type { KubernetesTiming } from "./timing.ts";

/** What is told the nodes, as JSON; the bytes are its to read only until it returns. */
export interface NodeReader {
  /** A listing begins; what it does not `put` is gone once it ends. */
  beginList(): void;
  endList(): void;
  /** True when that changed anything. Other bytes may follow the node's. */
  put(node: Buffer): boolean;
  delete(node: Buffer): boolean;
  /** A node that is too large to be read. */
  skipLarge(name: string, bytes: number): boolean;
  deleteNamed(name: string): boolean;
}

export interface FollowContext extends StoreSurroundings {
  readonly api: Api;
  readonly timing: KubernetesTiming;
}

/** The resource version behind which a watch begins; kept from one `follow` to the next. */
export interface WatchPosition {
  version: string | null;
  /** How often another history has come in the position of the one that was followed: versions do not compare. */
  rewinds: number;
  /** How long watches have been open from here and brought nothing. */
  silentMs: number;
}

const PATH = "/api/v1/nodes";
const PAGE = "500";
/** Of what the server refuses and would refuse again, such as a missing role. */
const RETRY = { firstMs: 1_000, maxMs: 30_000 };
/** A watch that the server ends sooner than this is not worth opening another at once. */
const SHORT_WATCH_MS = 1_000;

/** Yields after each listing and each batch of changes, once `reader` has all of it. Waits outages out. */
export async function* follow(
  context: FollowContext,
  position: WatchPosition,
  reader: NodeReader,
  signal: AbortSignal,
): AsyncGenerator<void, never> {
  const { timing, clock, random, log } = context;
  const backoff = new Backoff({ ...RETRY, random });
  let listAfterMs = clock.nowMs();
  /** Where we were when the position was expiredVersion up. */
  let expiredVersion: string | null = null;
  for (;;) {
    try {
      if (position.version === null) {
        await clock.sleep(Math.max(0, listAfterMs - clock.nowMs()), signal);
        listAfterMs = clock.nowMs() + timing.listIntervalMs;
        const listed = await list(context, reader, signal);
        if (expiredVersion !== null && isOlderVersion(listed, expiredVersion)) {
          position.rewinds += 1;
          log.warn({ op: "list nodes" }, "API server was restored to an earlier state");
        }
        position.version = listed;
        yield;
      }
      const beganMs = clock.nowMs();
      for await (const hasChanged of watch(context, position, reader, signal)) {
        backoff.reset();
        if (hasChanged) yield;
      }
      if (clock.nowMs() - beganMs < SHORT_WATCH_MS) await clock.sleep(backoff.nextMs(), signal);
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof TweedError)) throw error;
      if (error.code === "store-expired") {
        log.info({ op: error.operation, code: error.code, reason: error.message }, "listing nodes again");
        expiredVersion = position.version;
        position.version = null;
        listAfterMs = Math.max(listAfterMs, clock.nowMs() + random.below(timing.listSpreadMs));
      } else if (!(error instanceof ApiError && error.isOutage)) {
        log.warn({ op: error.operation, code: error.code, reason: error.message }, "cannot follow the nodes");
        await clock.sleep(backoff.nextMs(), signal);
      } else if (position.version === null) listAfterMs = clock.nowMs();
    }
  }
}

/** @returns the resource version of the list */
async function list({ api, log }: FollowContext, reader: NodeReader, signal: AbortSignal): Promise<string> {
  const operation = "list nodes";
  reader.beginList();
  let position: Readonly<Record<string, string>> = { resourceVersion: "0" };
  for (;;) {
    const splitter = new ListSplitter((node) => {
      if (node instanceof LargeObject) skipLarge(node, identify(node.head).name, reader, log);
      else reader.put(node);
    });
    const request = {
      operation,
      path: PATH,
      query: { limit: PAGE, ...position },
    };
    for await (const chunk of api.stream(request, signal)) splitter.push(chunk);
    const { version, next } = readListMetadata(splitter.envelope, operation);
    if (next === "") {
      reader.endList();
      return version;
    }
    position = { continue: next };
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
    throw unavailable(operation, "the answer is no complete list", error);
  }
  throw unavailable(operation, "the answer has no resourceVersion");
}

/** Yields after each chunk whether anything changed; ends when the server ends the watch. */
async function* watch(
  { api, timing, clock, random, log }: FollowContext,
  position: WatchPosition,
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
      timeoutSeconds: String(timing.watchSeconds + random.below(timing.watchSeconds)),
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
        const changes = isLarge ? readLargeEvent(line, position, reader, log) : readEvent(line, position, reader);
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
    const reason = "watches brought nothing at all, not even a bookmark";
    throw new ApiError({ operation: request.operation, code: "store-expired", reason, isAnswer: false });
  }
  if (failure !== null) throw failure;
}

/** @throws ApiError when the event says that the watch cannot go on */
function readEvent(line: Buffer, position: WatchPosition, reader: NodeReader): boolean {
  const { type, object } = openEvent(line);
  if (type === "ERROR") {
    throw refusal("watch nodes", readStatus(500, new JsonCursor(object).text(), undefined));
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
    if (key === "type") type = String(JSON.parse(cursor.text()));
    if (key !== "object") return;
    // Its type comes first, as the server writes it: then there is no need to look for the object's end.
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

/** The others go on: who made it too large is the only one to lose by it. */
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
    version = String(JSON.parse(cursor.text()));
    cursor.leave();
  };
  cursor.eachKey((key) => {
    if (key === "metadata") cursor.eachKey(visitMetadata);
  });
  return version;
}
