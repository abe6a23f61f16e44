/** Files that readers see either whole or not at all, also after a crash at any moment. */
import { basename, dirname, join } from "node:path";
import { errnoOf, type Files } from "./files.ts";

export interface AtomicWrite {
  /** Whatever the umask; without it 0644 less the umask. */
  readonly mode?: number;
  /** What the file's time of modification shall say; now without it. */
  readonly modifiedAtWallMs?: number;
  /** What the path of the temporary file begins with, on the same file system; without it a hidden name beside the file. */
  readonly temporaryPrefix?: string;
}

const DIRECTORY_MODE = 0o755;
const DEFAULT_MODE = 0o644;

/**
 * Readers see the old text or the new one. The directory is made if need be.
 * @throws the system's error, with nothing left behind
 */
export async function replaceFile(files: Files, path: string, text: string, how: AtomicWrite): Promise<void> {
  const temporary = await writeTemporary(files, path, text, how);
  try {
    await files.rename(temporary, path);
  } catch (error) {
    await removeQuietly(files, temporary);
    throw error;
  }
}

/**
 * False, with nothing changed, when there is something of that name.
 * @throws the system's error, with nothing left behind
 */
export async function createFile(
  files: Files,
  path: string,
  text: string,
  how: AtomicWrite,
): Promise<boolean> {
  const temporary = await writeTemporary(files, path, text, how);
  try {
    // Unlike rename, link refuses to replace what is there.
    await files.link(temporary, path);
    return true;
  } catch (error) {
    if (errnoOf(error) === "EEXIST") return false;
    throw error;
  } finally {
    await removeQuietly(files, temporary);
  }
}

async function writeTemporary(
  files: Files,
  path: string,
  text: string,
  { mode, modifiedAtWallMs, temporaryPrefix }: AtomicWrite,
): Promise<string> {
  const directory = dirname(path);
  await files.makeDirectory(directory, DIRECTORY_MODE);
  const prefix = temporaryPrefix ?? join(directory, `.${basename(path)}.`);
  const file = await files.createTemporary(prefix, mode ?? DEFAULT_MODE);
  try {
    try {
      if (mode !== undefined) await file.setMode(mode);
      await file.write(text);
      if (modifiedAtWallMs !== undefined) await file.setModified(modifiedAtWallMs);
      await file.sync();
    } finally {
      await file.close();
    }
  } catch (error) {
    await removeQuietly(files, file.path);
    throw error;
  }
  return file.path;
}

/** What went wrong before is what the caller needs to know. */
async function removeQuietly(files: Files, path: string): Promise<void> {
  await files.unlink(path).catch(() => undefined);
}
