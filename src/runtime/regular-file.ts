/**
 * Reads a path that other users may replace: only a regular file, of a limited size, and without blocking. A pipe
 * without a writer would block one of Node's few threads for ever, and with it the exit of the process; a device may
 * never end.
 */
import { constants } from "node:fs";
import { open } from "node:fs/promises";
import { TweedError } from "./error.ts";
import type { FileContent } from "./files.ts";

const PIECE_BYTES = 64 * 1024;

/** Otherwise opening a pipe or a terminal would wait for its other end. */
const NONBLOCKING = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY;

/**
 * @param links "refused" where other users may write the path, as a link may lead anywhere
 * @throws TweedError `invalid-file` for any other file, and the errors of the file system
 */
export async function readRegularFile(
  path: string,
  maxBytes: number,
  links: "followed" | "refused" = "followed",
): Promise<FileContent> {
  const flags = links === "refused" ? NONBLOCKING | constants.O_NOFOLLOW : NONBLOCKING;
  const file = await open(path, flags).catch((error: NodeJS.ErrnoException) => {
    // To open a socket fails with ENXIO (unix(7), open(2)).
    const isOther = error.code === "ENXIO" || (links === "refused" && error.code === "ELOOP");
    throw isOther ? refusal(path, NOT_REGULAR) : error;
  });
  try {
    const stats = await file.stat();
    if (!stats.isFile()) throw refusal(path, NOT_REGULAR);
    const pieces: Buffer[] = [];
    for (let length = 0; ; ) {
      // Does not rely on the size from stat: the file may grow. One byte beyond the limit means too large.
      const piece = Buffer.alloc(Math.min(PIECE_BYTES, maxBytes + 1 - length));
      const { bytesRead } = await file.read(piece, 0, piece.length, length);
      pieces.push(piece.subarray(0, bytesRead));
      length += bytesRead;
      if (length > maxBytes) throw refusal(path, `it has ${stats.size} bytes, at most ${maxBytes} are read`);
      // A regular file returns less than requested only at its end.
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
