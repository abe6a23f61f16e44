/** Reads a lease's file, or reports what is in its place. */
import { TweedError } from "../../runtime/error.ts";
import { type Files, orMissing } from "../../runtime/files.ts";
import { MAX_LEASE_BYTES } from "../lease-value.ts";

export interface LeaseText {
  readonly text: Uint8Array;
  readonly writtenAtWallMs: number;
}

/** null when the file is missing; a TweedError `invalid-lease` when it cannot be a lease's (not regular, too large). */
export async function readOrFault(files: Files, path: string): Promise<LeaseText | TweedError | null> {
  try {
    const file = await orMissing(files.read(path, MAX_LEASE_BYTES, "refused"));
    return file && { text: file.bytes, writtenAtWallMs: file.modifiedAtWallMs };
  } catch (error) {
    if (!(error instanceof TweedError)) throw error;
    const reason = error.message.slice(`${error.operation}: `.length);
    return new TweedError({ code: "invalid-lease", operation: "read lease", reason });
  }
}
