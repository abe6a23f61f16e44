/** The host's file system. */
import { randomBytes } from "node:crypto";
import { watch } from "node:fs";
import {
  type FileHandle,
  link,
  lstat,
  mkdir,
  open,
  readdir,
  readlink,
  rename,
  unlink,
} from "node:fs/promises";
import { errnoOf, type Files, type NewFile } from "./files.ts";
import { readRegularFile } from "./regular-file.ts";

/** fsync(2) of a file that does not support it. */
const NO_DIRECTORY_SYNC: ReadonlySet<string | null> = new Set(["EINVAL", "ENOTSUP", "EOPNOTSUPP", "ENOSYS"]);

export const nodeFiles: Files = {
  read: readRegularFile,
  readLink: (path) => readlink(path),
  list: (path) => readdir(path),
  async status(path) {
    const { ino, size, mtimeMs, ctimeMs } = await lstat(path);
    return { inode: ino, sizeBytes: size, modifiedAtWallMs: mtimeMs, changedAtWallMs: ctimeMs };
  },
  create,
  createTemporary: (prefix, mode) => create(prefix + randomBytes(6).toString("hex"), mode),
  rename,
  link,
  unlink,
  async makeDirectory(path, mode) {
    await mkdir(path, { recursive: true, mode });
  },
  async syncDirectory(path) {
    const directory = await open(path, "r");
    try {
      await directory.sync();
    } catch (error) {
      // Some file systems over a network have no such operation: there the server decides.
      if (!NO_DIRECTORY_SYNC.has(errnoOf(error))) throw error;
    } finally {
      await directory.close();
    }
  },
  watch(path, { onChange, onError }) {
    const watcher = watch(path, (_event, name) => {
      if (name !== null) onChange(name);
    });
    watcher.on("error", onError);
    return watcher;
  },
};

async function create(path: string, mode: number): Promise<NewFile> {
  return new OpenedFile(path, await open(path, "wx", mode));
}

class OpenedFile implements NewFile {
  readonly path: string;
  readonly #handle: FileHandle;

  constructor(path: string, handle: FileHandle) {
    this.path = path;
    this.#handle = handle;
  }

  write(text: string): Promise<void> {
    return this.#handle.writeFile(text);
  }

  setMode(mode: number): Promise<void> {
    return this.#handle.chmod(mode);
  }

  setModified(wallMs: number): Promise<void> {
    return this.#handle.utimes(wallMs / 1000, wallMs / 1000);
  }

  sync(): Promise<void> {
    return this.#handle.sync();
  }

  close(): Promise<void> {
    return this.#handle.close();
  }
}
