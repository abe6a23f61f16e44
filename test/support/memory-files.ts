/**
 * One process's view of a {@link MemoryDisk}, until it is killed: every call is a step, and a kill occurs between two.
 */
import { posix } from "node:path";
import { TweedError } from "../../src/runtime/error.ts";
import type { DirectoryEvents, FileContent, FileStatus, Files, NewFile } from "../../src/runtime/files.ts";
import { errno, type Inode, MemoryDisk } from "./memory-disk.ts";

/** A chain of links as long as this is a loop (path_resolution(7)). */
const MAX_LINKS = 40;

export class MemoryFiles implements Files {
  readonly disk: MemoryDisk;
  #steps = 0;
  #killedAt = Number.POSITIVE_INFINITY;

  constructor(disk: MemoryDisk = new MemoryDisk()) {
    this.disk = disk;
  }

  /** The number of calls so far. */
  get steps(): number {
    return this.#steps;
  }

  get isDead(): boolean {
    return this.#steps >= this.#killedAt;
  }

  /** Kills the process after `steps` more steps: every later step fails without effect. */
  killAfter(steps: number): void {
    this.#killedAt = this.#steps + steps;
  }

  async read(
    path: string,
    maxBytes: number,
    links: "followed" | "refused" = "followed",
  ): Promise<FileContent> {
    await this.step();
    const inode = links === "refused" ? this.disk.at(path, "open") : this.#resolve(path);
    if (inode.kind !== "file") throw invalid(path, "it is not a regular file");
    const { length } = inode.bytes;
    if (length > maxBytes) throw invalid(path, `it has ${length} bytes, at most ${maxBytes} are read`);
    return { bytes: Buffer.from(inode.bytes), modifiedAtWallMs: inode.modifiedAtWallMs };
  }

  async readLink(path: string): Promise<string> {
    await this.step();
    const inode = this.disk.at(path, "readlink");
    if (inode.kind !== "link") throw errno("EINVAL", "readlink", path);
    return inode.bytes.toString();
  }

  async list(path: string): Promise<readonly string[]> {
    await this.step();
    if (this.disk.at(path, "scandir").kind !== "directory") throw errno("ENOTDIR", "scandir", path);
    return this.disk.namesIn(posix.normalize(path));
  }

  async status(path: string): Promise<FileStatus> {
    await this.step();
    const { number, bytes, modifiedAtWallMs, changedAtWallMs } = this.disk.at(path, "lstat");
    return { inode: number, sizeBytes: bytes.length, modifiedAtWallMs, changedAtWallMs };
  }

  async create(path: string, mode: number): Promise<NewFile> {
    await this.step();
    if (this.disk.find(path, "open") !== null) throw errno("EEXIST", "open", path);
    const inode = this.disk.inode("file", mode);
    this.disk.change([[path, inode]], "open");
    return new MemoryFile(path, inode, this);
  }

  createTemporary(prefix: string, mode: number): Promise<NewFile> {
    return this.create(`${prefix}${this.disk.inode("other", 0).number.toString(16).padStart(12, "0")}`, mode);
  }

  async rename(from: string, to: string): Promise<void> {
    await this.step();
    const inode = this.disk.at(from, "rename");
    if (this.disk.find(to, "rename")?.kind === "directory") throw errno("EISDIR", "rename", to);
    this.disk.change(
      [
        [from, null],
        [to, inode],
      ],
      "rename",
    );
  }

  async link(from: string, to: string): Promise<void> {
    await this.step();
    const inode = this.disk.at(from, "link");
    if (this.disk.find(to, "link") !== null) throw errno("EEXIST", "link", to);
    this.disk.change([[to, inode]], "link");
  }

  async unlink(path: string): Promise<void> {
    await this.step();
    if (this.disk.at(path, "unlink").kind === "directory") throw errno("EISDIR", "unlink", path);
    this.disk.change([[path, null]], "unlink");
  }

  async makeDirectory(path: string, mode: number): Promise<void> {
    await this.step();
    const known = this.disk.find(path, "mkdir");
    if (known?.kind === "directory") return;
    if (known !== null) throw errno("EEXIST", "mkdir", path);
    const above = posix.dirname(path);
    if (this.disk.find(above, "mkdir") === null) await this.makeDirectory(above, mode);
    this.disk.change([[path, this.disk.inode("directory", mode)]], "mkdir");
  }

  async syncDirectory(path: string): Promise<void> {
    await this.step();
    if (this.disk.at(path, "open").kind !== "directory") throw errno("ENOTDIR", "open", path);
    this.disk.commit(posix.normalize(path));
  }

  watch(path: string, events: DirectoryEvents): { close(): void } {
    return this.disk.watch(posix.normalize(path), events);
  }

  /** For tests: puts a file there as another program would, already on the disk. */
  put(path: string, text: string, kind: Inode["kind"] = "file"): void {
    for (const above of pathsAbove(path)) {
      if (this.disk.find(above, "mkdir") === null)
        this.disk.change([[above, this.disk.inode("directory", 0o755)]], "mkdir");
    }
    const inode = this.disk.inode(kind, 0o644, Buffer.from(text));
    inode.synced = inode.bytes;
    this.disk.change([[path, inode]], "open");
  }

  /** For tests: a file's text without a step, null where there is none. */
  text(path: string): string | null {
    return this.disk.find(path, "open")?.bytes.toString() ?? null;
  }

  /** Yields to other tasks before each step takes effect. */
  async step(): Promise<void> {
    await Promise.resolve();
    if (this.isDead) throw new Error("the process was killed");
    this.#steps += 1;
  }

  #resolve(path: string): Inode {
    let inode = this.disk.at(path, "open");
    let at = path;
    for (let links = 0; inode.kind === "link"; links++) {
      if (links === MAX_LINKS) throw errno("ELOOP", "open", path);
      at = posix.resolve(posix.dirname(at), inode.bytes.toString());
      inode = this.disk.at(at, "open");
    }
    return inode;
  }
}

class MemoryFile implements NewFile {
  readonly path: string;
  readonly #inode: Inode;
  readonly #files: MemoryFiles;

  constructor(path: string, inode: Inode, files: MemoryFiles) {
    this.path = path;
    this.#inode = inode;
    this.#files = files;
  }

  /** In two steps, so that a kill can occur between them. */
  async write(text: string): Promise<void> {
    const bytes = Buffer.from(text);
    const half = bytes.length >> 1;
    for (const piece of [bytes.subarray(0, half), bytes.subarray(half)]) {
      await this.#files.step();
      this.#files.disk.append(this.#inode, piece, this.path);
    }
  }

  async setMode(mode: number): Promise<void> {
    await this.#files.step();
    this.#files.disk.refuseIfReadOnly("chmod", this.path);
    this.#inode.mode = mode;
  }

  async setModified(wallMs: number): Promise<void> {
    await this.#files.step();
    this.#files.disk.touch(this.#inode, wallMs);
  }

  async sync(): Promise<void> {
    await this.#files.step();
    this.#inode.synced = this.#inode.bytes;
  }

  async close(): Promise<void> {
    await this.#files.step();
  }
}

function pathsAbove(path: string): string[] {
  const above = posix.dirname(path);
  return above === path || above === "/" ? [] : [...pathsAbove(above), above];
}

function invalid(path: string, reason: string): TweedError {
  return new TweedError({ code: "invalid-file", operation: `read ${path}`, reason, retryable: true });
}
