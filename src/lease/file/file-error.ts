import { messageOf, TweedError } from "../../runtime/error.ts";

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
