/**
 * The file of the holders of unique values (lease/holders.ts): a daemon that restarts still knows which lease published
 * an address first, so that one that published it meanwhile takes nothing over.
 */
import { createHash } from "node:crypto";
import type { Holders } from "../lease/holders.ts";
import { replaceFile } from "../runtime/atomic-file.ts";
import type { Clock } from "../runtime/clock.ts";
import { messageOf } from "../runtime/error.ts";
import { type Files, isMissing, readText } from "../runtime/files.ts";
import type { JsonValue } from "../runtime/json.ts";
import { Latest } from "../runtime/latest.ts";
import type { Log } from "../runtime/log.ts";

/** Some 70 bytes for each of a lease's two to four values: room for 20,000 nodes. */
const MAX_BYTES = 8 * 1024 * 1024;
/**
 * In a cluster of thousands of nodes holders change with every plan, and their text is long: between two writes this file
 * causes 20 bytes a millisecond at most. Of a few nodes it is as good as written at once.
 */
const LEAST_INTERVAL_MS = 500;
const BYTES_PER_MS = 20;

interface FileParts {
  readonly files: Files;
  readonly log: Log;
  readonly clock: Clock;
}

/** Beside subnet.env, so that a reboot removes it: by then the addresses of others may be anybody's. */
export function holdersFile(subnetFile: string): string {
  return `${subnetFile}.holders`;
}

/** null where there is none, or it cannot be read: then the age of the claims decides. */
export async function readHolders(
  path: string,
  { files, log }: Omit<FileParts, "clock">,
): Promise<Holders | null> {
  try {
    const stored: JsonValue = JSON.parse(await readText(files, path, MAX_BYTES));
    if (!Array.isArray(stored) || !stored.every(isHolder)) throw new TypeError("it is not a list of holders");
    return new Map(stored);
  } catch (error) {
    if (!isMissing(error)) {
      const reason = messageOf(error);
      log.warn({ op: "read-holders", path, reason }, "holders of addresses not read");
    }
    return null;
  }
}

/** Writes the newest holders to the file, where they differ from those in it. */
export class HoldersFile {
  readonly #path: string;
  readonly #parts: FileParts;
  readonly #wanted = new Latest<Holders>();
  /** Digest of the text in the file; null before the first write. */
  #written: string | null = null;

  constructor(path: string, parts: FileParts) {
    this.#path = path;
    this.#parts = parts;
  }

  put(holders: Holders): void {
    this.#wanted.put(holders);
  }

  async run(signal: AbortSignal): Promise<never> {
    for (;;) {
      const bytes = await this.#write(await this.#wanted.take(signal));
      await this.#parts.clock.sleep(Math.max(LEAST_INTERVAL_MS, bytes / BYTES_PER_MS), signal);
    }
  }

  /**
   * A failure is logged, and the daemon continues, as when the file cannot be read.
   * @returns the length of the text, in bytes
   */
  async #write(holders: Holders): Promise<number> {
    const { files, log } = this.#parts;
    const text = `${JSON.stringify([...holders])}\n`;
    const digest = createHash("sha256").update(text).digest("hex");
    const bytes = Buffer.byteLength(text);
    if (digest === this.#written) return bytes;
    try {
      if (bytes > MAX_BYTES) throw new RangeError(`they have more than ${MAX_BYTES} bytes`);
      await replaceFile(files, this.#path, text, { mode: 0o600 });
      this.#written = digest;
    } catch (error) {
      const fields = { op: "write-holders", path: this.#path, reason: messageOf(error) };
      log.warn(fields, "holders of addresses not saved, a restart goes by the age of the claims");
    }
    return bytes;
  }
}

function isHolder(value: JsonValue): value is readonly [string, string] {
  return Array.isArray(value) && value.length === 2 && value.every((each) => typeof each === "string");
}
