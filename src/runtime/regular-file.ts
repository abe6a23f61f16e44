/**
 * Reads a file that others may put something else in the place of: only a regular file, only so many bytes, and
 * without waiting. A pipe, which nobody may ever write to, would hold one of Node's few threads for good, and the end of
 * the process with it; a device may never end.
 */
import { constants } from "node:fs";
import { open } from "node:fs/promises";
import { TweedError } from "./error.ts";
import type { FileContent } from "./files.ts";

const PIECE_BYTES = 64 * 1024;

/** To open a pipe or a terminal would wait for its other end. */
const NONBLOCKING = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY;

/**
 * @param links refused where the file is another's to write: a link may lead anywhere
 * @throws TweedError `invalid-file` for what is no such file, and whatever else the file system says
 */
export async function readRegularFile(
  path: string,
  maxBytes: number,
  links: "followed" | "refused" = "followed",
): Promise<FileContent> {
  const flags = links === "refused" ? NONBLOCKING | constants.O_NOFOLLOW : NONBLOCKING;
  const file = await open(path, flags).catch((error: NodeJS.ErrnoException) => {
    // A socket has no such device (unix(7), open(2)).
    const isOther = error.code === "ENXIO" || (links === "refused" && error.code === "ELOOP");
    throw isOther ? refusal(path, NOT_REGULAR) : error;
  });
  try {
    const stats = await file.stat();
    if (!stats.isFile()) throw refusal(path, NOT_REGULAR);
    const pieces: Buffer[] = [];
    for (let length = 0; ; ) {
      // Not by the size that was seen: it may grow. One byte more than may be there tells too much.
      const piece = Buffer.alloc(Math.min(PIECE_BYTES, maxBytes + 1 - length));
      const { bytesRead } = await file.read(piece, 0, piece.length, length);
      pieces.push(piece.subarray(0, bytesRead));
      length += bytesRead;
      if (length > maxBytes) throw refusal(path, `it has ${stats.size} bytes, at most ${maxBytes} are read`);
      // Only at its end does a regular file give less than it is asked for.
      if (bytesRead < piece.length) break;
    }
    return { bytes: Buffer.concat(pieces), modifiedAtWallMs: stats.mtimeMs };
  } finally {
    await file.close();
  }
}

const NOT_REGULAR = "it is not a regular file";

function refusal(path: string, reason: string): TweedError {
  return new TweedError({ code: "invalid-file", operation: `read ${path}`, reason, retryable: true });
}
