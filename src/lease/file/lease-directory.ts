/** Reads the leases' files of a directory; reads only those again that have changed. */
import { TweedError } from "../../runtime/error.ts";
import { type Files, orMissing } from "../../runtime/files.ts";
import type { Layout } from "./layout.ts";
import { keyOfFile, type LeaseFile, leaseFileName, parseLeaseFile } from "./lease-file.ts";
import { readOrFault } from "./lease-text.ts";
import type { Changed } from "./watch-directory.ts";

/** How many files are read at a time. */
const BATCH = 64;

/** Receives the files that changed. */
export interface LeaseFileReader {
  /** @param read throws TweedError `invalid-lease` when the file cannot be read as a lease */
  put(key: string, read: () => LeaseFile): void;
  delete(key: string): void;
}

export class LeaseDirectory {
  readonly #layout: Layout;
  readonly #files: Files;
  /** By key: inode, size and times of the file, to detect a change. */
  readonly #states = new Map<string, string>();

  constructor(layout: Layout, files: Files) {
    this.#layout = layout;
    this.#files = files;
  }

  /** Reads the files that changed since the last call. True when it called `reader`. */
  async refresh(changed: Changed, reader: LeaseFileReader): Promise<boolean> {
    const names =
      changed ?? new Set([...(await this.#files.list(this.#layout.subnets)), ...this.#knownNames()]);
    const keys = [...names].map(keyOfFile).filter((key) => key !== null);
    let hasChanged = false;
    for (let start = 0; start < keys.length; start += BATCH) {
      const batch = keys.slice(start, start + BATCH);
      const results = await Promise.all(batch.map((key) => this.#refreshKey(key, reader)));
      hasChanged ||= results.includes(true);
    }
    return hasChanged;
  }

  async #refreshKey(key: string, reader: LeaseFileReader): Promise<boolean> {
    const path = this.#layout.lease(key);
    const status = await orMissing(this.#files.status(path));
    if (status === null) return this.#forget(key, reader);
    const state = Object.values(status).join(" ");
    if (this.#states.get(key) === state) return false;
    const file = await readOrFault(this.#files, path);
    if (file === null) return this.#forget(key, reader);
    this.#states.set(key, state);
    reader.put(key, () => {
      if (file instanceof TweedError) throw file;
      return parseLeaseFile(key, file.text, file.writtenAtWallMs);
    });
    return true;
  }

  #forget(key: string, reader: LeaseFileReader): boolean {
    const wasKnown = this.#states.delete(key);
    if (wasKnown) reader.delete(key);
    return wasKnown;
  }

  #knownNames(): readonly string[] {
    return Array.from(this.#states.keys(), leaseFileName);
  }
}
