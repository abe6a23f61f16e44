import { isDeepStrictEqual } from "node:util";
import { TweedError } from "../../runtime/error.ts";
import { Latest } from "../../runtime/latest.ts";
import { linkedAbort } from "../../runtime/linked-abort.ts";
import { silentLog } from "../../runtime/log.ts";
import type { Lease, LeaseSnapshot } from "../lease.ts";
import { LeaseTable } from "../lease-table.ts";
import { storeEmptied } from "../stored-lease.ts";
import { type FollowContext, follow, list, type NodeReader, type WatchPosition } from "./follow.ts";
import { MAX_OBJECT_BYTES } from "./large-object.ts";
import { isManaged, leaseOf } from "./node-lease.ts";
import { excerptNode, newerVersion, type OwnNode, readExcerpt, readOwnNode } from "./node-record.ts";

interface Follower {
  readonly changes: Latest<null>;
  readonly stop: AbortController;
}

/**
 * The nodes of the cluster, followed by one watch for all readers in this process: it ends with the last reader, and
 * resumes where it ended with the next one.
 */
export class NodeFeed {
  readonly #context: FollowContext;
  readonly #table: NodeTable;
  readonly #position: WatchPosition = { version: null, knownVersion: null, rewinds: 0, silentMs: 0 };
  readonly #followers = new Set<Follower>();
  #running: { readonly stop: AbortController; readonly ended: Promise<void> } | null = null;
  #isComplete = false;

  /** @param prefix complete, of our annotations */
  constructor(context: FollowContext, prefix: string) {
    this.#context = context;
    this.#table = new NodeTable(prefix, new LeaseTable(context.log));
  }

  /** The name of this daemon's Node, of which more fields are retained. */
  set ownName(name: string) {
    this.#table.ownName = name;
  }

  /** This daemon's Node by the last event; null when there is none, or it is not known yet. */
  get own(): OwnNode | null {
    return this.#table.own;
  }

  /** Whether this daemon's Node is there, and too large to read. */
  get isOwnTooLarge(): boolean {
    return this.#table.isOwnTooLarge;
  }

  /** How often the server has reported on this daemon's Node, its absence included. */
  get ownReports(): number {
    return this.#table.ownReports;
  }

  /** Position of the watch; `version` is null during a listing. */
  get position(): Readonly<WatchPosition> {
    return this.#position;
  }

  /**
   * A server whose lists are older than this answer was restored since, also where nothing was listed before.
   * @param rewinds of the position before the request
   */
  answered({ version }: OwnNode, rewinds: number): void {
    if (rewinds !== this.#position.rewinds) return;
    this.#position.knownVersion = newerVersion(this.#position.knownVersion, version);
  }

  snapshot(): LeaseSnapshot {
    return this.#table.snapshot();
  }

  /**
   * Lists all nodes anew, from etcd rather than a cache of the API server.
   * @throws TweedError `store-emptied` when our own Node is not among them
   */
  async list(signal: AbortSignal): Promise<readonly Lease[]> {
    const { ownName } = this.#table;
    // The watch logs what cannot be read.
    const table = new NodeTable(this.#table.prefix, new LeaseTable(silentLog));
    table.ownName = ownName;
    await list({ ...this.#context, log: silentLog }, table, signal, "newest");
    if (ownName !== null && table.own === null) throw storeEmptied(`Node ${ownName} is not listed either`);
    return table.snapshot().leases;
  }

  /**
   * Yields once all nodes are known, and after each relevant change of one. Ends by throwing only.
   * @param changes the reader may also put into it, to wake itself
   */
  async *changes(signal: AbortSignal, changes = new Latest<null>()): AsyncGenerator<void, never> {
    const stop = linkedAbort(signal);
    const follower: Follower = { changes, stop };
    this.#followers.add(follower);
    if (this.#isComplete) changes.put(null);
    try {
      for (;;) {
        await this.#restart();
        await changes.take(stop.signal);
        if (this.#isComplete) yield;
      }
    } finally {
      stop.abort();
      this.#followers.delete(follower);
      if (this.#followers.size === 0) await this.#stop();
    }
  }

  /** Starts the watch unless it runs; waits first for one that the last reader is just ending. */
  async #restart(): Promise<void> {
    while (this.#running?.stop.signal.aborted) await this.#running.ended;
    if (this.#running !== null) return;
    const stop = new AbortController();
    this.#running = { stop, ended: this.#follow(stop.signal) };
  }

  async #stop(): Promise<void> {
    this.#running?.stop.abort();
    await this.#running?.ended;
  }

  async #follow(signal: AbortSignal): Promise<void> {
    try {
      for await (const _ of follow(this.#context, this.#position, this.#table, signal)) {
        this.#isComplete = true;
        for (const { changes } of this.#followers) changes.put(null);
      }
    } catch (error) {
      if (!signal.aborted) for (const { stop } of this.#followers) stop.abort(error);
    } finally {
      this.#running = null;
    }
  }
}

/** The fields of each node that a lease needs, and a few more of our own. */
class NodeTable implements NodeReader {
  readonly prefix: string;
  readonly #leases: LeaseTable;
  /** By name: the excerpt as text, to tell a relevant change from a heartbeat. */
  readonly #excerpts = new Map<string, string>();
  /** The names of the present listing so far; null outside of one. */
  #listed: Set<string> | null = null;
  ownName: string | null = null;
  own: OwnNode | null = null;
  ownReports = 0;
  isOwnTooLarge = false;

  constructor(prefix: string, leases: LeaseTable) {
    this.prefix = prefix;
    this.#leases = leases;
  }

  snapshot(): LeaseSnapshot {
    return this.#leases.snapshot();
  }

  beginList(): void {
    this.#listed = new Set();
  }

  endList(): void {
    const listed = this.#listed ?? new Set<string>();
    this.#listed = null;
    if (this.ownName !== null && !listed.has(this.ownName)) this.#putOwn(null);
    for (const name of this.#excerpts.keys()) if (!listed.has(name)) this.#forget(name);
  }

  put(node: Buffer): boolean {
    const excerpt = excerptNode(node, this.prefix);
    const { name, text } = excerpt;
    this.#listed?.add(name);
    const hasOwnChanged = name === this.ownName && this.#putOwn(readOwnNode(node, this.prefix, excerpt));
    if (this.#excerpts.get(name) === text) return hasOwnChanged;
    this.#excerpts.set(name, text);
    const record = readExcerpt(excerpt);
    if (isManaged(record)) this.#leases.put(name, () => leaseOf(record));
    else this.#leases.delete(name);
    return true;
  }

  /** Records an unreadable lease; our own Node stays as last read. */
  skipLarge(name: string, bytes: number): boolean {
    this.#listed?.add(name);
    if (name === this.ownName) this.isOwnTooLarge = true;
    const reason = `its Node has ${bytes} bytes, at most ${MAX_OBJECT_BYTES} are read`;
    if (this.#excerpts.get(name) === reason) return false;
    this.#excerpts.set(name, reason);
    this.#leases.put(name, () => {
      throw new TweedError({ code: "invalid-lease", operation: "read lease", reason });
    });
    return true;
  }

  delete(node: Buffer): boolean {
    return this.#forget(excerptNode(node, this.prefix).name);
  }

  deleteNamed(name: string): boolean {
    return this.#forget(name);
  }

  #forget(name: string): boolean {
    if (name === this.ownName) this.#putOwn(null);
    this.#leases.delete(name);
    return this.#excerpts.delete(name);
  }

  #putOwn(node: OwnNode | null): boolean {
    const before = this.own;
    this.own = node;
    this.isOwnTooLarge = false;
    this.ownReports += 1;
    // Every heartbeat changes the version.
    return !isDeepStrictEqual({ ...this.own, version: "" }, { ...before, version: "" });
  }
}
