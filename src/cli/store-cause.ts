import type { Log, LogFields } from "../runtime/log.ts";

/** Errors that only an operator can fix: waiting does not help. */
const FINAL: ReadonlySet<unknown> = new Set(["tls-file", "kubeconfig", "store-auth", "store-refused"]);

/** A store waits for the end of an outage, and logs its cause. A command takes that cause for its answer. */
export class StoreCause implements Log {
  readonly #onFinal: () => void;
  #reason: string | null = null;

  /** @param onFinal called at an error that does not end by itself */
  constructor(onFinal: () => void) {
    this.#onFinal = onFinal;
  }

  /** The last error; null when there was none. */
  get reason(): string | null {
    return this.#reason;
  }

  warn({ code, reason }: LogFields): void {
    // An invalid lease does not delay a command.
    if (typeof reason !== "string" || code === "invalid-lease") return;
    this.#reason = reason;
    if (FINAL.has(code)) this.#onFinal();
  }

  error(fields: LogFields): void {
    this.warn(fields);
  }

  debug(): void {}
  info(): void {}

  child(): Log {
    return this;
  }
}
