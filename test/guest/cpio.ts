/** Archives in the cpio format "newc", which the kernel unpacks an initramfs from (Documentation/driver-api/early-userspace/buffer-format.rst). */

export interface ArchiveEntry {
  /** From the top, without a leading slash; directories come before what is in them. */
  readonly path: string;
  /** File type and permissions as in `st_mode` of stat(2). */
  readonly mode: number;
  /** A symbolic link's is its target, a directory's is empty. */
  readonly content: Uint8Array;
}

const FILE_TYPE = { directory: 0o040000, file: 0o100000, link: 0o120000 } as const;
const MAGIC = "070701";
const TRAILER = "TRAILER!!!";
/** Header with name, and content, are both filled up to it. */
const ALIGNMENT = 4;
const NOTHING = new Uint8Array();

export function directory(path: string): ArchiveEntry {
  return { path, mode: FILE_TYPE.directory | 0o755, content: NOTHING };
}

export function file(path: string, content: Uint8Array | string, permissions = 0o644): ArchiveEntry {
  const bytes = typeof content === "string" ? Buffer.from(content) : content;
  return { path, mode: FILE_TYPE.file | permissions, content: bytes };
}

export function link(path: string, target: string): ArchiveEntry {
  return { path, mode: FILE_TYPE.link | 0o777, content: Buffer.from(target) };
}

/** All entries belong to root and have no time. */
export function archive(entries: readonly ArchiveEntry[]): Buffer {
  const members = entries.flatMap((entry, index) => member(entry, index + 1));
  return Buffer.concat([...members, ...member({ path: TRAILER, mode: 0, content: NOTHING }, 0)]);
}

function member({ path, mode, content }: ArchiveEntry, inode: number): Uint8Array[] {
  const name = Buffer.from(`${path}\0`);
  const owner = 0;
  const linkCount = 1;
  const modified = 0;
  const device = [0, 0, 0, 0];
  const checksum = 0;
  const numbers = [
    inode,
    mode,
    owner,
    owner,
    linkCount,
    modified,
    content.length,
    ...device,
    name.length,
    checksum,
  ];
  const header = MAGIC + numbers.map((number) => number.toString(16).padStart(8, "0")).join("");
  const head = Buffer.concat([Buffer.from(header), name]);
  return [head, padding(head.length), content, padding(content.length)];
}

function padding(length: number): Uint8Array {
  return new Uint8Array((ALIGNMENT - (length % ALIGNMENT)) % ALIGNMENT);
}
