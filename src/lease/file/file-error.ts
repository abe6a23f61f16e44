import { messageOf, TweedError } from "../../runtime/error.ts";

/** Wraps an error of the file system; retryable, as a full or missing disk may recover. */
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
