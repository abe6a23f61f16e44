import type { Clock } from "./clock.ts";
import type { Log, LogFields } from "./log.ts";
import { TokenBucket } from "./token-bucket.ts";

/** For each cause: as many lines as a person reads, then one in six seconds. */
const RATE = { burst: 20, everyMs: 6_000 };
/** The number of suppressed lines is logged this long after the first of them. */
const SUMMARY_AFTER_MS = 60_000;
/** Causes are texts in the source, a few dozen; any beyond this number share one limit. */
const MAX_CAUSES = 500;

type Level = "debug" | "info" | "warn" | "error";

interface Cause {
  readonly bucket: TokenBucket;
  suppressed: number;
}

/**
 * The rate limit of all log lines. It applies to each cause, which is the message alone: the number of leases, links
 * and operations in the fields depends on other hosts. Lines beyond the rate are counted, and their number is logged.
 */
export class LimitedLog implements Log {
  readonly #target: Log;
  readonly #clock: Clock;
  readonly #causes: Map<string, Cause>;

  constructor(target: Log, clock: Clock, causes: Map<string, Cause> = new Map()) {
    this.#target = target;
    this.#clock = clock;
    this.#causes = causes;
  }

  debug(fields: LogFields, message: string): void {
    this.#write("debug", fields, message);
  }
  info(fields: LogFields, message: string): void {
    this.#write("info", fields, message);
  }
  warn(fields: LogFields, message: string): void {
    this.#write("warn", fields, message);
  }
  error(fields: LogFields, message: string): void {
    this.#write("error", fields, message);
  }

  /** Shares the limits with its parent. */
  child(fields: LogFields): Log {
    return new LimitedLog(this.#target.child(fields), this.#clock, this.#causes);
  }

  #write(level: Level, fields: LogFields, message: string): void {
    const cause = this.#causeOf(`${level} ${message}`);
    if (cause.bucket.take()) {
      this.#target[level](fields, message);
      return;
    }
    cause.suppressed += 1;
    if (cause.suppressed > 1) return;
    const { op } = fields;
    void this.#clock.sleep(SUMMARY_AFTER_MS).then(() => {
      this.#target[level]({ op, count: cause.suppressed }, `lines suppressed: ${message}`);
      cause.suppressed = 0;
    });
  }

  #causeOf(name: string): Cause {
    const causes = this.#causes;
    const known = causes.get(name);
    if (known !== undefined) return known;
    if (causes.size >= MAX_CAUSES) {
      for (const [each, { bucket, suppressed }] of causes) {
        if (suppressed === 0 && bucket.isFull()) causes.delete(each);
      }
    }
    const key = causes.size >= MAX_CAUSES ? "" : name;
    const cause = causes.get(key) ?? { bucket: new TokenBucket(this.#clock, RATE), suppressed: 0 };
    causes.set(key, cause);
    return cause;
  }
}
