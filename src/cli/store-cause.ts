import type { Log, LogFields } from "../runtime/log.ts";

/** What an operator has to put right first: no waiting helps. */
const FINAL: ReadonlySet<unknown> = new Set(["tls-file", "kubeconfig", "store-auth", "store-refused"]);

/** A store waits outages out, and says in its log why. For a command, that is the answer. */
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
    // A lease that cannot be read keeps nobody waiting.
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
