/** Files that other processes see either whole or not at all, also after a crash at any moment. */
import { link, open, rename, unlink } from "node:fs/promises";
import { join } from "node:path";
import type { Random } from "../../runtime/random.ts";

/** Names that begin with this are nobody's data: the lock, and files that are still being written. */
export const PRIVATE = ".tweed-";
export const TEMPORARY = `${PRIVATE}tmp-`;

export class AtomicFiles {
  readonly #directory: string;
  readonly #random: Random;

  /** @param directory for temporary files, on the file system of the files to be written */
  constructor(directory: string, random: Random) {
    this.#directory = directory;
    this.#random = random;
  }

  /**
   * False, with nothing changed, when the file is there already.
   * @param modifiedAtWallMs what the file's time of modification shall say; now without it
   */
  async create(path: string, text: string, modifiedAtWallMs?: number): Promise<boolean> {
    const temporary = await this.#write(text, modifiedAtWallMs);
    try {
      // Unlike rename, link refuses to replace what is there.
      await link(temporary, path);
      return true;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
      throw error;
    } finally {
      await unlink(temporary);
    }
  }

  async replace(path: string, text: string, modifiedAtWallMs?: number): Promise<void> {
    const temporary = await this.#write(text, modifiedAtWallMs);
    try {
      await rename(temporary, path);
    } catch (error) {
      await unlink(temporary);
      throw error;
    }
  }

  async #write(text: string, modifiedAtWallMs: number | undefined): Promise<string> {
    const path = join(this.#directory, `${TEMPORARY}${Buffer.from(this.#random.bytes(8)).toString("hex")}`);
    const file = await open(path, "wx", 0o644);
    try {
      await file.writeFile(`${text}\n`);
      if (modifiedAtWallMs !== undefined) {
        const time = modifiedAtWallMs / 1000;
        await file.utimes(time, time);
      }
      // Otherwise a power failure may leave the name with nothing behind it.
      await file.sync();
    } finally {
      await file.close();
    }
    return path;
  }
}
