/**
 * The one error type of the project. It says what was tried, on what, why it failed and whether trying again
 * can help; `code` is stable and may be matched by callers, tests and alert rules, the message may not.
 */
export class TweedError extends Error {
  readonly code: string;
  /** What was being done, as a verb and its object: "parse flag --iface", "create link flannel.1". */
  readonly operation: string;
  /** True when the same call may succeed later without anybody changing anything. */
  readonly retryable: boolean;

  constructor(fields: {
    code: string;
    operation: string;
    reason: string;
    retryable?: boolean;
    cause?: unknown;
  }) {
    super(
      `${fields.operation}: ${fields.reason}`,
      fields.cause === undefined ? undefined : { cause: fields.cause },
    );
    this.name = "TweedError";
    this.code = fields.code;
    this.operation = fields.operation;
    this.retryable = fields.retryable ?? false;
  }
}

/** The text of anything that was thrown. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}

export function isRetryable(thrown: unknown): boolean {
  return thrown instanceof TweedError && thrown.retryable;
}
