/** The file store of a simulated cluster: one directory in memory, which every host reaches as over a network. */

import { Layout } from "../../src/lease/file/layout.ts";
import { keyOfFile, type LeaseFile, parseLeaseFile } from "../../src/lease/file/lease-file.ts";
import { FileStore } from "../../src/lease/file/store.ts";
import type { Lease } from "../../src/lease/lease.ts";
import type { LeaseStore } from "../../src/lease/store.ts";
import { ifReadable } from "../../src/lease/stored-lease.ts";
import { type Inode, MemoryDisk } from "../support/memory-disk.ts";
import { MemoryFiles } from "../support/memory-files.ts";
import { NodeClock } from "../support/simulated-time.ts";
import { LifeFiles } from "./life-files.ts";
import { SharedDirectory } from "./shared-directory.ts";
import type { HostileWrite, SimulatedStore, StoreHost, StoreWorld } from "./store.ts";

const DIRECTORY = "/leases";
const SUBNETS = `${DIRECTORY}/subnets`;
const LOCK = new Layout(DIRECTORY).lock;
const CONFIG = `${DIRECTORY}/config.json`;

export class SimulatedFileStore implements SimulatedStore {
  readonly kind = "file";
  readonly #clock: NodeClock;
  readonly #disk: MemoryDisk;
  readonly #files: MemoryFiles;
  readonly #directory: SharedDirectory;
  /** Texts by path and author. */
  readonly #raw = new Map<string, Map<string, string>>();
  readonly #cache = new WeakMap<
    Inode,
    { readonly bytes: Buffer; readonly modifiedAtWallMs: number; readonly file: LeaseFile | null }
  >();
  #backup: ReadonlyMap<string, Inode> | null = null;
  /** As last read, with the version of the disk, and when the first of them expires. */
  #leases: readonly Lease[] = [];
  readonly #expired: Lease[] = [];
  #readVersion = -1;
  #readUntilWallMs = Number.POSITIVE_INFINITY;

  constructor({ time }: StoreWorld) {
    this.#clock = new NodeClock(time);
    this.#disk = new MemoryDisk(() => this.#clock.wallMs());
    this.#files = new MemoryFiles(this.#disk);
    this.#directory = new SharedDirectory(this.#disk, time);
    this.#files.put(`${SUBNETS}/.keep`, "");
  }

  async open({ name, clock, random, log, life }: StoreHost): Promise<LeaseStore> {
    const files = new LifeFiles(this.#directory.filesOf(name), life);
    return new FileStore({ directory: DIRECTORY }, { clock, random, log, files });
  }

  leases(): readonly Lease[] {
    const wallMs = this.#clock.wallMs();
    if (this.#readVersion !== this.#disk.version || wallMs >= this.#readUntilWallMs) {
      this.#readUntilWallMs = Number.POSITIVE_INFINITY;
      this.#expired.length = 0;
      this.#leases = this.#read(wallMs);
      this.#readVersion = this.#disk.version;
    }
    return this.#leases;
  }

  expired(): readonly Lease[] {
    return this.#expired;
  }

  #read(wallMs: number): readonly Lease[] {
    return this.#disk.namesIn(SUBNETS).flatMap((name): Lease | readonly never[] => {
      const key = keyOfFile(name);
      if (key === null) return [];
      const file = this.#parsed(key, this.#disk.at(`${SUBNETS}/${name}`, "open"));
      if (file === null) return [];
      const { owner: _, expiresAtWallMs, isReservation: _kind, ...lease } = file;
      if (expiresAtWallMs !== null && expiresAtWallMs <= wallMs) {
        this.#expired.push(lease);
        return [];
      }
      if (expiresAtWallMs !== null) this.#readUntilWallMs = Math.min(this.#readUntilWallMs, expiresAtWallMs);
      return lease;
    });
  }

  #parsed(key: string, inode: Inode): LeaseFile | null {
    const known = this.#cache.get(inode);
    const { modifiedAtWallMs } = inode;
    if (known?.bytes === inode.bytes && known.modifiedAtWallMs === modifiedAtWallMs) return known.file;
    const file = ifReadable(() => parseLeaseFile(key, inode.bytes, modifiedAtWallMs));
    this.#cache.set(inode, { bytes: inode.bytes, modifiedAtWallMs, file });
    return file;
  }

  configure(text: string): void {
    this.#write(CONFIG, text);
  }

  isLocked(): boolean {
    return this.#disk.find(LOCK, "open") !== null;
  }

  setAway(isAway: boolean): void {
    this.#directory.isAway = isAway;
  }
  hang(isHanging: boolean): void {
    this.#directory.setHanging(isHanging);
  }
  partition(host: string, isCut: boolean): void {
    this.#directory.setCut(host, isCut);
  }
  delayWatch(host: string, ms: number): void {
    this.#directory.setDelay(host, ms);
  }
  silenceWatch(host: string, isSilent: boolean): void {
    this.#directory.setSilent(host, isSilent);
  }
  breakWatches(): void {
    this.#directory.breakWatches();
  }
  /** Files have no history. */
  compact(): void {}

  backup(): void {
    this.#disk.sync();
    const paths = [CONFIG, ...this.#disk.namesIn(SUBNETS).map((name) => `${SUBNETS}/${name}`)];
    this.#backup = new Map(
      paths.flatMap((path) => {
        const inode = this.#disk.find(path, "open");
        return inode === null ? [] : [[path, { ...inode }] as const];
      }),
    );
  }

  restore(): void {
    const backup = this.#backup;
    if (backup === null) return;
    for (const name of this.#disk.namesIn(SUBNETS)) {
      if (!backup.has(`${SUBNETS}/${name}`)) this.#remove(`${SUBNETS}/${name}`);
    }
    for (const [path, inode] of backup) {
      const copy = this.#disk.inode(inode.kind, inode.mode, Buffer.from(inode.bytes));
      copy.modifiedAtWallMs = inode.modifiedAtWallMs;
      this.#disk.change([[path, copy]], "open");
    }
  }

  rotateCredentials(): void {}

  putRaw(author: string, { key, value }: HostileWrite): void {
    // No file can have such a name.
    if (key === "" || /[/\0]/.test(key) || Buffer.byteLength(key) > 200) return;
    const path = `${SUBNETS}/${key}.json`;
    this.#write(path, value);
    const texts = this.#raw.get(author) ?? new Map<string, string>();
    this.#raw.set(author, texts.set(path, value));
  }

  removeRaw(author: string): void {
    for (const [path, text] of this.#raw.get(author) ?? []) {
      if (this.#files.text(path) === text) this.#remove(path);
    }
    this.#raw.delete(author);
  }

  reserve(key: string, publicIp: string): void {
    this.#write(`${SUBNETS}/${key}.json`, JSON.stringify({ PublicIP: publicIp, BackendType: "vxlan" }));
  }

  releaseLease(key: string): void {
    this.#remove(`${SUBNETS}/${key}.json`);
  }

  expireNow(host: string): void {
    for (const { key, identity } of this.leases()) {
      if (identity?.hostName !== host) continue;
      const path = `${SUBNETS}/${key}.json`;
      const past = new Date(this.#clock.wallMs() - 1).toISOString();
      const text = this.#files.text(path)?.replace(/"ExpiresAt":"[^"]*"/, `"ExpiresAt":"${past}"`);
      if (text !== undefined) this.#write(path, text);
    }
  }

  heal(): void {
    this.#directory.heal();
  }

  #write(path: string, text: string): void {
    const inode = this.#disk.inode("file", 0o644, Buffer.from(text));
    this.#disk.change([[path, inode]], "open");
  }

  #remove(path: string): void {
    if (this.#disk.find(path, "unlink") !== null) this.#disk.change([[path, null]], "unlink");
  }
}
