/** Reads a lease's file, whatever lies in its place: only a regular file, only so many bytes, and without waiting. */
import { constants } from "node:fs";
import { open } from "node:fs/promises";
import { TweedError } from "../../runtime/error.ts";
import { MAX_LEASE_BYTES } from "../lease-value.ts";
import { orMissing } from "./file-error.ts";

export interface LeaseText {
  readonly text: Uint8Array;
  readonly writtenAtWallMs: number;
}

/** A link may lead anywhere, and to open a pipe or a terminal would wait for its other end. */
const HARMLESS = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK | constants.O_NOCTTY;

/** The same, with what is wrong in place of the text. */
export async function readOrFault(path: string): Promise<LeaseText | TweedError | null> {
  try {
    return await readLeaseText(path);
  } catch (error) {
    if (error instanceof TweedError) return error;
    throw error;
  }
}

/**
 * null where there is nothing.
 * @throws TweedError `invalid-lease` for what is no lease's file; whatever else the file system says
 */
export async function readLeaseText(path: string): Promise<LeaseText | null> {
  const file = await orMissing(open(path, HARMLESS).catch(refuseLink));
  if (file === null) return null;
  try {
    const stats = await file.stat();
    if (!stats.isFile()) refuse("it is not a regular file");
    // One byte more than may be there tells a file that grew since.
    const { buffer, bytesRead } = await file.read(
      Buffer.alloc(MAX_LEASE_BYTES + 1),
      0,
      MAX_LEASE_BYTES + 1,
      0,
    );
    if (bytesRead > MAX_LEASE_BYTES)
      refuse(`it has ${stats.size} bytes, at most ${MAX_LEASE_BYTES} are read`);
    return { text: buffer.subarray(0, bytesRead), writtenAtWallMs: stats.mtimeMs };
  } finally {
    await file.close();
  }
}

function refuseLink(error: NodeJS.ErrnoException): never {
  // A socket has no such device (unix(7), open(2)).
  if (error.code === "ELOOP" || error.code === "ENXIO") refuse("it is not a regular file");
  throw error;
}

function refuse(reason: string): never {
  throw new TweedError({ code: "invalid-lease", operation: "read lease", reason });
}
