import type { Log, LogFields } from "../../src/runtime/log.ts";

export interface LogLine {
  readonly level: "debug" | "info" | "warn" | "error";
  readonly fields: LogFields;
  readonly message: string;
}

/** A log that records its lines, including those of its children. */
export class RecordingLog implements Log {
  readonly lines: LogLine[];
  readonly #fields: LogFields;

  constructor(lines: LogLine[] = [], fields: LogFields = {}) {
    this.lines = lines;
    this.#fields = fields;
  }

  debug(fields: LogFields, message: string): void {
    this.#record("debug", fields, message);
  }
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
    return new RecordingLog(this.lines, { ...this.#fields, ...fields });
  }

  warnings(): readonly LogLine[] {
    return this.lines.filter((line) => line.level === "warn");
  }

  /** All lines as text, to search for forbidden content. */
  text(): string {
    return JSON.stringify(this.lines);
  }

  #record(level: LogLine["level"], fields: LogFields, message: string): void {
    this.lines.push({ level, fields: { ...this.#fields, ...fields }, message });
  }
}
