import { messageOf, TweedError } from "../../runtime/error.ts";

/** The promise's result, or null when the file is not there. */
export async function orMissing<T>(reading: Promise<T>): Promise<T | null> {
  try {
    return await reading;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw error;
  }
}

/** What the file system said, as the project's error: a full or missing disk may be there again later. */
export function fileError(operation: string, thrown: unknown): TweedError {
  if (thrown instanceof TweedError) return thrown;
  return new TweedError({
    code: "store-unavailable",
    operation,
    reason: messageOf(thrown),
    retryable: true,
    cause: thrown,
  });
}
