/** A file system that hosts share over a network, with the faults of its server and of each host's way to it. */
import type { DirectoryEvents, Files } from "../../src/runtime/files.ts";
import { errno, type MemoryDisk } from "../support/memory-disk.ts";
import { MemoryFiles } from "../support/memory-files.ts";
import type { SimulatedTime } from "../support/simulated-time.ts";

interface Way {
  isCut: boolean;
  isSilent: boolean;
  delayMs: number;
  /** When the last notification arrives: they keep their order. */
  deliveredAtMs: number;
}

export class SharedDirectory {
  isAway = false;
  readonly #disk: MemoryDisk;
  readonly #time: SimulatedTime;
  readonly #ways = new Map<string, Way>();
  readonly #watches = new Set<{ readonly events: DirectoryEvents; close(): void }>();
  #isHanging = false;
  #waiting: (() => void)[] = [];

  constructor(disk: MemoryDisk, time: SimulatedTime) {
    this.#disk = disk;
    this.#time = time;
  }

  setHanging(isHanging: boolean): void {
    this.#isHanging = isHanging;
    if (isHanging) return;
    for (const resume of this.#waiting.splice(0)) resume();
  }
  setCut(host: string, isCut: boolean): void {
    this.#wayOf(host).isCut = isCut;
  }
  setSilent(host: string, isSilent: boolean): void {
    this.#wayOf(host).isSilent = isSilent;
  }
  setDelay(host: string, ms: number): void {
    this.#wayOf(host).delayMs = ms;
  }

  breakWatches(): void {
    for (const { events, close } of [...this.#watches]) {
      close();
      events.onError(new Error("the watch has ended"));
    }
  }

  heal(): void {
    this.isAway = false;
    this.setHanging(false);
    for (const way of this.#ways.values()) Object.assign(way, { isCut: false, isSilent: false, delayMs: 0 });
  }

  filesOf(host: string): Files {
    const way = this.#wayOf(host);
    const files = new MemoryFiles(this.#disk);
    const step = files.step.bind(files);
    files.step = async () => {
      await step();
      while (this.#isHanging) await new Promise<void>((resolve) => this.#waiting.push(resolve));
      if (this.isAway || way.isCut) throw errno("EIO", "access", "/leases");
    };
    files.watch = (path, events) => this.#watch(path, events, way);
    return files;
  }

  #watch(path: string, events: DirectoryEvents, way: Way): { close(): void } {
    if (this.isAway || way.isCut) throw errno("EIO", "watch", path);
    const onChange = (name: string) => {
      if (way.isSilent || way.isCut || this.isAway || this.#isHanging) return;
      const { nowMs } = this.#time;
      const atMs = Math.max(nowMs + way.delayMs, way.deliveredAtMs);
      if (atMs <= nowMs) {
        events.onChange(name);
        return;
      }
      way.deliveredAtMs = atMs;
      this.#time.wakeAt(atMs, () => events.onChange(name));
    };
    const inner = this.#disk.watch(path, { onChange, onError: events.onError });
    const watch = {
      events,
      close: () => {
        this.#watches.delete(watch);
        inner.close();
      },
    };
    this.#watches.add(watch);
    return watch;
  }

  #wayOf(host: string): Way {
    const known = this.#ways.get(host);
    if (known !== undefined) return known;
    const way = { isCut: false, isSilent: false, delayMs: 0, deliveredAtMs: 0 };
    this.#ways.set(host, way);
    return way;
  }
}
