/**
 * The file system, passed in so that a test can tear writes, run out of space and crash. Errors are Node's, with the
 * errno's name as code, unless a method documents a `TweedError`.
 */
export interface Files {
  /**
   * The content of a regular file of at most `maxBytes`, read without blocking.
   * @param links "refused" where other users may write the path, as a link may lead anywhere
   * @throws TweedError `invalid-file` (retryable) for any other file
   */
  read(path: string, maxBytes: number, links?: "followed" | "refused"): Promise<FileContent>;
  readLink(path: string): Promise<string>;
  /** Names in a directory. */
  list(path: string): Promise<readonly string[]>;
  /** Does not follow a link. */
  status(path: string): Promise<FileStatus>;

  /** @throws `EEXIST` when the path exists */
  create(path: string, mode: number): Promise<NewFile>;
  /** As mkstemp(3): a new file whose path is `prefix` and a unique suffix. */
  createTemporary(prefix: string, mode: number): Promise<NewFile>;
  /** Atomic; replaces a file of that name. */
  rename(from: string, to: string): Promise<void>;
  /** A hard link. @throws `EEXIST` when `to` exists */
  link(from: string, to: string): Promise<void>;
  unlink(path: string): Promise<void>;
  /** Creates missing parents too. */
  makeDirectory(path: string, mode: number): Promise<void>;
  /** Without it a power failure may undo the newest changes of names in a directory. */
  syncDirectory(path: string): Promise<void>;

  /** Reports names in a directory that may have changed. @throws when the directory cannot be watched */
  watch(path: string, events: DirectoryEvents): { close(): void };
}

/** A file open for writing; close it also after an error. */
export interface NewFile {
  readonly path: string;
  write(text: string): Promise<void>;
  /** Not reduced by the umask. */
  setMode(mode: number): Promise<void>;
  setModified(wallMs: number): Promise<void>;
  /** Without it a power failure may leave an empty file. */
  sync(): Promise<void>;
  close(): Promise<void>;
}

export interface FileContent {
  readonly bytes: Buffer;
  readonly modifiedAtWallMs: number;
}

/** Differs between any two states of a file. */
export interface FileStatus {
  readonly inode: number;
  readonly sizeBytes: number;
  readonly modifiedAtWallMs: number;
  readonly changedAtWallMs: number;
}

export interface DirectoryEvents {
  onChange(name: string): void;
  /** The watch has ended. */
  onError(error: unknown): void;
}

/** A regular file's content as text. */
export async function readText(files: Pick<Files, "read">, path: string, maxBytes: number): Promise<string> {
  return (await files.read(path, maxBytes)).bytes.toString();
}

/** The result, or null when there is no such file. */
export async function orMissing<T>(operation: Promise<T>): Promise<T | null> {
  try {
    return await operation;
  } catch (error) {
    if (isMissing(error)) return null;
    throw error;
  }
}

export function isMissing(error: unknown): boolean {
  return errnoOf(error) === "ENOENT";
}

/** The errno's name, or null for an error that has none. */
export function errnoOf(error: unknown): string | null {
  return error instanceof Error && "code" in error ? String(error.code) : null;
}
