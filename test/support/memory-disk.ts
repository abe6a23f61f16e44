/**
 * A file system in memory with the faults of a real one: full, read-only, and at a power failure unsynced data is lost.
 * It outlives the processes that write to it; each has its own {@link MemoryFiles} on it.
 */
import { posix } from "node:path";
import type { DirectoryEvents } from "../../src/runtime/files.ts";
import type { Random } from "../../src/runtime/random.ts";

export interface Inode {
  readonly number: number;
  readonly kind: "file" | "directory" | "link" | "other";
  mode: number;
  /** A link's target. */
  bytes: Buffer;
  /** The part that survives a power failure. */
  synced: Buffer;
  modifiedAtWallMs: number;
  changedAtWallMs: number;
}

/** One step of the journal: names that now refer to another file, or to none. */
type Change = readonly (readonly [path: string, inode: Inode | null])[];

/** The longest time until a file system commits its journal by itself: XFS and Btrfs 30 s, ext4 5 s. */
const COMMIT_MS = 30_000;

interface Watch {
  readonly path: string;
  readonly events: DirectoryEvents;
}

export class MemoryDisk {
  isReadOnly = false;
  /** Bytes that can still be written. */
  freeBytes = Number.POSITIVE_INFINITY;
  /** Whether a change was refused since this was last set to false: a file may be older than its writer wanted. */
  hasRefused = false;
  /** Grows with each change of a name, of content or of a time. */
  version = 0;
  readonly #wallMs: () => number;
  readonly #nowMs: () => number;
  readonly #names = new Map<string, Inode>();
  readonly #durableNames = new Map<string, Inode>();
  /** Changes of names that are not on the disk yet, in order. */
  #journal: { readonly change: Change; readonly atMs: number }[] = [];
  readonly #watches = new Set<Watch>();
  #inodes = 0;

  constructor(wallMs: () => number = () => 0, nowMs = wallMs) {
    this.#wallMs = wallMs;
    this.#nowMs = nowMs;
    const root = this.inode("directory", 0o755);
    this.#names.set("/", root);
    this.#durableNames.set("/", root);
  }

  inode(kind: Inode["kind"], mode: number, bytes = Buffer.alloc(0)): Inode {
    const nowMs = this.#wallMs();
    const times = { modifiedAtWallMs: nowMs, changedAtWallMs: nowMs };
    return { number: ++this.#inodes, kind, mode, bytes, synced: Buffer.alloc(0), ...times };
  }

  /** @throws `ENOENT`, `ENOTDIR` */
  at(path: string, operation: string): Inode {
    const inode = this.find(path, operation);
    if (inode === null) throw errno("ENOENT", operation, path);
    return inode;
  }

  /** @throws `ENOTDIR` */
  find(path: string, operation: string): Inode | null {
    // Whatever has a name is in a directory.
    const known = this.#names.get(path);
    if (known !== undefined) return known;
    const above = posix.dirname(path);
    const directory = above === path ? null : this.find(above, operation);
    if (directory !== null && directory.kind !== "directory") throw errno("ENOTDIR", operation, path);
    return this.#names.get(posix.normalize(path)) ?? null;
  }

  namesIn(directory: string): string[] {
    const start = directory === "/" ? "/" : `${directory}/`;
    const names: string[] = [];
    for (const path of this.#names.keys()) {
      const isBelow = path.length > start.length && path.startsWith(start);
      if (isBelow && path.indexOf("/", start.length) < 0) names.push(path.slice(start.length));
    }
    return names.sort();
  }

  /** Changes names in one step. @throws `EROFS`, `ENOENT` where a directory is missing */
  change(change: Change, operation: string): void {
    this.refuseIfReadOnly(operation, change[0]?.[0] ?? "");
    for (const [path] of change) this.at(posix.dirname(path), operation);
    this.#apply(this.#names, change);
    this.#journal.push({ change, atMs: this.#nowMs() });
    for (const [path] of change) this.report(path);
  }

  /** Writes as much as fits. @throws `EROFS`, `ENOSPC` when not all fits */
  append(inode: Inode, bytes: Buffer, path: string): void {
    this.refuseIfReadOnly("write", path);
    const written = bytes.subarray(0, Math.max(0, this.freeBytes));
    inode.bytes = Buffer.concat([inode.bytes, written]);
    this.touch(inode);
    this.freeBytes -= written.length;
    this.report(path);
    if (written.length === bytes.length) return;
    this.hasRefused = true;
    throw errno("ENOSPC", "write", path);
  }

  touch(inode: Inode, modifiedAtWallMs = this.#wallMs()): void {
    this.version += 1;
    inode.modifiedAtWallMs = modifiedAtWallMs;
    inode.changedAtWallMs = this.#wallMs();
  }

  refuseIfReadOnly(operation: string, path: string): void {
    if (!this.isReadOnly) return;
    this.hasRefused = true;
    throw errno("EROFS", operation, path);
  }

  watch(path: string, events: DirectoryEvents): { close(): void } {
    this.at(path, "watch");
    const watch = { path, events };
    this.#watches.add(watch);
    return { close: () => this.#watches.delete(watch) };
  }

  /** Notifies watchers of the directory, in a task of its own. */
  report(path: string): void {
    for (const watch of this.#watches) {
      if (watch.path !== posix.dirname(path)) continue;
      queueMicrotask(() => this.#watches.has(watch) && watch.events.onChange(posix.basename(path)));
    }
  }

  /** As fsync(2) of a directory: its names are on the disk, and so are all changes before the last of them. */
  commit(directory: string): void {
    const isWithin = ({ change }: { readonly change: Change }) =>
      change.some(([path]) => posix.dirname(posix.normalize(path)) === directory);
    const count = this.#journal.findLastIndex(isWithin) + 1;
    for (const { change } of this.#journal.splice(0, count)) this.#apply(this.#durableNames, change);
  }

  /** As sync(2): everything is on the disk. */
  sync(): void {
    for (const { change } of this.#journal) this.#apply(this.#durableNames, change);
    this.#journal = [];
    for (const inode of this.#names.values()) inode.synced = inode.bytes;
  }

  /**
   * A power failure. Changes of names reach the disk in order, after COMMIT_MS at the latest, and any number of the last
   * are lost; of each file the data written after its sync is lost from some byte on.
   */
  failPower(random: Random): void {
    this.#watches.clear();
    const isCommitted = ({ atMs }: { readonly atMs: number }) => this.#nowMs() - atMs >= COMMIT_MS;
    const committed = this.#journal.filter(isCommitted).length;
    const count = committed + random.below(this.#journal.length - committed + 1);
    for (const { change } of this.#journal.slice(0, count)) this.#apply(this.#durableNames, change);
    this.#journal = [];
    this.version += 1;
    this.#names.clear();
    for (const [path, inode] of this.#durableNames) {
      const isSynced = inode.bytes.equals(inode.synced);
      const left = inode.bytes.subarray(0, random.below(inode.bytes.length + 1));
      if (!isSynced && inode.kind === "file") inode.bytes = left;
      inode.synced = inode.bytes;
      this.#names.set(path, inode);
    }
  }

  #apply(names: Map<string, Inode>, change: Change): void {
    this.version += 1;
    for (const [path, inode] of change) {
      if (inode === null) names.delete(posix.normalize(path));
      else names.set(posix.normalize(path), inode);
    }
  }
}

/** As Node reports it. */
export function errno(code: string, operation: string, path: string): NodeJS.ErrnoException {
  return Object.assign(new Error(`${code}: ${operation} '${path}'`), { code, syscall: operation, path });
}
