/** The log of a host, with simulated times; it counts lines, and formats them only for a reader. */
import type { Log, LogFields } from "../../src/runtime/log.ts";

export interface TimedLine {
  readonly atMs: number;
  readonly level: "debug" | "info" | "warn" | "error";
  readonly fields: LogFields;
  readonly message: string;
}

export class HostLog implements Log {
  readonly lines: TimedLine[];
  readonly #nowMs: () => number;
  readonly #fields: LogFields | null;

  constructor(nowMs: () => number, lines: TimedLine[] = [], fields: LogFields | null = null) {
    this.#nowMs = nowMs;
    this.lines = lines;
    this.#fields = fields;
  }

  /** Debug lines are off, as by default. */
  debug(): void {}
  info(fields: LogFields, message: string): void {
    this.#record("info", fields, message);
  }
  warn(fields: LogFields, message: string): void {
    this.#record("warn", fields, message);
  }
  error(fields: LogFields, message: string): void {
    this.#record("error", fields, message);
  }
  child(fields: LogFields): Log {
    return new HostLog(this.#nowMs, this.lines, { ...this.#fields, ...fields });
  }

  #record(level: TimedLine["level"], fields: LogFields, message: string): void {
    const all = this.#fields === null ? fields : { ...this.#fields, ...fields };
    this.lines.push({ atMs: this.#nowMs(), level, fields: all, message });
  }
}

export function formatLine({ atMs, level, fields, message }: TimedLine): string {
  return `${(atMs / 1000).toFixed(3)} ${level} ${message} ${formatFields(fields)}`;
}

export function formatFields(fields: object): string {
  return JSON.stringify(fields, (_key, value) => {
    if (typeof value === "bigint") return `${value}`;
    return value instanceof Error ? value.message : value;
  });
}
