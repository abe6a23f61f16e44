import { writeSync } from "node:fs";
import { printable } from "../runtime/printable.ts";

/** @returns how many bytes were written. @throws the system's error */
export type WriteBytes = (fd: number, bytes: Uint8Array) => number;

/** A reader that is late by less loses no line. */
const RETRIES = 10;
const RETRY_MS = 10;
const NEWLINE = 10;

/**
 * Writes lines to a descriptor that may refuse them: its disk is full, its reader gone or stuck. It counts the lost
 * lines, and reports them with the next line that is written. Each line is written at once, so that none is lost with
 * the process.
 */
export class LogOutput {
  readonly #fd: number;
  readonly #describeLoss: (lines: number, code: string) => string;
  readonly #write: WriteBytes;
  #lost = 0;
  #code = "";
  /** The last line was written in part. */
  #isCut = false;

  /** @param describeLoss returns the line that reports lost ones, with its newline */
  constructor(
    fd: number,
    describeLoss: (lines: number, code: string) => string,
    write: WriteBytes = writeSync,
  ) {
    this.#fd = fd;
    this.#describeLoss = describeLoss;
    this.#write = write;
  }

  /** @param line with its newline */
  write(line: string): void {
    const loss = this.#lost === 0 ? "" : this.#describeLoss(this.#lost, this.#code);
    // JSON does not escape all control characters; `kubectl logs` prints lines to a terminal.
    let left = Buffer.from(printable(`${this.#isCut ? "\n" : ""}${loss}${line}`));
    try {
      while (left.length > 0) {
        const written = this.#writeSome(left);
        this.#isCut = left[written - 1] !== NEWLINE;
        left = left.subarray(written);
      }
      this.#lost = 0;
    } catch (error) {
      this.#lost += 1;
      this.#code = (error as NodeJS.ErrnoException).code ?? "unknown";
    }
  }

  #writeSome(bytes: Uint8Array): number {
    for (let retries = 0; ; retries++) {
      try {
        return this.#write(this.#fd, bytes);
      } catch (error) {
        const isBusy = (error as NodeJS.ErrnoException).code === "EAGAIN";
        // After the first lost line it does not wait again: that would block the daemon for each line.
        if (!isBusy || retries === RETRIES || this.#lost > 0) throw error;
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, RETRY_MS);
      }
    }
  }
}
