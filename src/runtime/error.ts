/**
 * The one error type of the project, with the operation, its object, the reason and whether a retry can help.
 * `code` is stable: callers, tests and alert rules may match it, but not the message.
 */
export class TweedError extends Error {
  readonly code: string;
  /** Verb and object: "parse flag --iface", "create link flannel.1". */
  readonly operation: string;
  /** True when the same call may succeed later without a change of its input. */
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

/** The message of any thrown value. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}

export function isRetryable(thrown: unknown): boolean {
  return thrown instanceof TweedError && thrown.retryable;
}
