import type { Log, LogFields } from "../runtime/log.ts";

/** Errors that only an operator can fix: waiting does not help. */
const FINAL: ReadonlySet<unknown> = new Set(["tls-file", "kubeconfig", "store-auth", "store-refused"]);

/** A store waits for the end of an outage, and logs its cause. A command takes that cause for its answer. */
export class StoreCause implements Log {
  readonly #onFinal: () => void;
  #reason: string | null = null;

  /** @param onFinal called when waiting makes no sense */
  constructor(onFinal: () => void) {
    this.#onFinal = onFinal;
  }

  /** What was in the way last; null when nothing was. */
  get reason(): string | null {
    return this.#reason;
  }

  warn({ code, reason }: LogFields): void {
    // An unreadable lease does not make a command wait.
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
