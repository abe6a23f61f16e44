/**
 * The file system, passed in so that a test can own it: tear writes, run out of space, crash. Errors are those of Node,
 * with the errno's name for a code; `TweedError` where it is said.
 */
export interface Files {
  /**
   * The content of a regular file of at most `maxBytes`, read without waiting.
   * @param links refused where others may write the path: a link may lead anywhere
   * @throws TweedError `invalid-file` (retryable) for anything else than such a file
   */
  read(path: string, maxBytes: number, links?: "followed" | "refused"): Promise<FileContent>;
  readLink(path: string): Promise<string>;
  /** Names in a directory. */
  list(path: string): Promise<readonly string[]>;
  /** Of the path itself, also where it is a link. */
  status(path: string): Promise<FileStatus>;

  /** @throws `EEXIST` when anything is there */
  create(path: string, mode: number): Promise<NewFile>;
  /** As mkstemp(3): a new file whose path is `prefix` and what makes it unique. */
  createTemporary(prefix: string, mode: number): Promise<NewFile>;
  /** In one step, in place of what has that name. */
  rename(from: string, to: string): Promise<void>;
  /** Another name for a file. @throws `EEXIST` when anything is there */
  link(from: string, to: string): Promise<void>;
  unlink(path: string): Promise<void>;
  /** With those above it that are missing. */
  makeDirectory(path: string, mode: number): Promise<void>;

  /** Reports names in a directory that may have changed. @throws when the directory cannot be watched */
  watch(path: string, events: DirectoryEvents): { close(): void };
}

/** A file that is being written; to be closed, whatever fails. */
export interface NewFile {
  readonly path: string;
  write(text: string): Promise<void>;
  /** Whatever the umask. */
  setMode(mode: number): Promise<void>;
  setModified(wallMs: number): Promise<void>;
  /** Without it a power failure may leave the name with nothing behind it. */
  sync(): Promise<void>;
  close(): Promise<void>;
}

export interface FileContent {
  readonly bytes: Buffer;
  readonly modifiedAtWallMs: number;
}

/** Two states of a file differ in something of it. */
export interface FileStatus {
  readonly inode: number;
  readonly sizeBytes: number;
  readonly modifiedAtWallMs: number;
  readonly changedAtWallMs: number;
}

export interface DirectoryEvents {
  onChange(name: string): void;
  /** Nothing is reported any more. */
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
