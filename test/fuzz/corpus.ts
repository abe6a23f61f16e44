/** The corpus of each target: `test/fuzz/corpus/TARGET/`, a file for each input, named by its content. It only grows. */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";

/** Enough to cover a target; more would only make every test run longer. */
export const MAX_FILES = 200;
/** Larger inputs are not kept: there is always a small one that covers the same, or growth finds it. */
export const MAX_FILE_BYTES = 2048;

/** Where a failing input is saved, small or not: it becomes a regression test. */
const MAX_FAILURE_BYTES = 64 * 1024;

export class Corpus {
  readonly #directory: string;
  readonly #names: Set<string>;

  /** @param root the directory of all corpora, by default the one of this checkout */
  constructor(target: string, root: string = resolve("test/fuzz/corpus")) {
    this.#directory = join(root, target);
    this.#names = new Set(existsSync(this.#directory) ? readdirSync(this.#directory) : []);
  }

  get size(): number {
    return this.#names.size;
  }

  /** In the order of their names. */
  inputs(): Uint8Array[] {
    return [...this.#names].sort().map((name) => new Uint8Array(readFileSync(join(this.#directory, name))));
  }

  /** @returns true when it is new and was written */
  add(input: Uint8Array): boolean {
    return this.#names.size < MAX_FILES && input.length <= MAX_FILE_BYTES && this.#write(input) !== null;
  }

  /** @returns its path, or null for one that is too large, or known */
  addFailure(input: Uint8Array): string | null {
    return input.length > MAX_FAILURE_BYTES ? null : this.#write(input);
  }

  #write(input: Uint8Array): string | null {
    const name = createHash("sha256").update(input).digest("hex").slice(0, 16);
    if (this.#names.has(name)) return null;
    this.#names.add(name);
    mkdirSync(this.#directory, { recursive: true });
    const path = join(this.#directory, name);
    writeFileSync(path, input);
    return path;
  }
}
