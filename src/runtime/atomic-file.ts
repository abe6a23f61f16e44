/**
 * Atomic writes: readers see a file whole or not at all, even after a crash at any moment. What was written survives a
 * power failure.
 */
import { basename, dirname, join } from "node:path";
import { errnoOf, type Files } from "./files.ts";

export interface AtomicWrite {
  /** Not reduced by the umask; by default 0644 less the umask. */
  readonly mode?: number;
  /** The file's time of modification; by default now. */
  readonly modifiedAtWallMs?: number;
  /** Path prefix of the temporary file, on the same file system; by default a hidden name beside the file. */
  readonly temporaryPrefix?: string;
}

const DIRECTORY_MODE = 0o755;
const DEFAULT_MODE = 0o644;

/**
 * Readers see the old text or the new one. Creates a missing directory.
 * @throws the system's error, after removing the temporary file; readers see the new text already if only the directory
 *   could not be synced
 */
export async function replaceFile(files: Files, path: string, text: string, how: AtomicWrite): Promise<void> {
  const temporary = await writeTemporary(files, path, text, how);
  try {
    await files.rename(temporary, path);
  } catch (error) {
    await removeQuietly(files, temporary);
    throw error;
  }
  await files.syncDirectory(dirname(path));
}

/**
 * Returns false, and changes nothing, when the name exists.
 * @throws the system's error, after removing the temporary file; the file exists if only the directory could not be synced
 */
export async function createFile(
  files: Files,
  path: string,
  text: string,
  how: AtomicWrite,
): Promise<boolean> {
  const temporary = await writeTemporary(files, path, text, how);
  try {
    // Unlike rename, link fails when the name exists.
    await files.link(temporary, path);
  } catch (error) {
    if (errnoOf(error) === "EEXIST") return false;
    throw error;
  } finally {
    await removeQuietly(files, temporary);
  }
  await files.syncDirectory(dirname(path));
  return true;
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

/** Ignores errors: the caller needs the error before it. */
async function removeQuietly(files: Files, path: string): Promise<void> {
  await files.unlink(path).catch(() => undefined);
}
