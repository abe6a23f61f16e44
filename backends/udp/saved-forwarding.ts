import { replaceFile } from "../../src/runtime/atomic-file.ts";
import type { Clock } from "../../src/runtime/clock.ts";
import { messageOf } from "../../src/runtime/error.ts";
import { type Files, isMissing, orMissing, readText } from "../../src/runtime/files.ts";
import { Latest } from "../../src/runtime/latest.ts";
import type { Log } from "../../src/runtime/log.ts";
import type { UdpForwarding } from "./forwarding.ts";
import { formatForwarding, parseForwarding } from "./forwarding-text.ts";

/** Name of the file, beside the subnet file. */
export const FORWARDING_FILE = "udp-forwarding.json";

/** Minimum interval between writes while the cluster keeps changing: an old state still serves most peers. */
const WRITE_APART_MS = 1000;
/** Far beyond the size for the maximum number of peers. */
const MAX_BYTES = 64 * 1024 * 1024;
/** It names hosts and subnets, which other users of the host need not see. */
const FILE_MODE = 0o600;

/**
 * Stores the forwarding in a file. The next process forwards with it before its lease store has answered, as the kernel
 * does for the other backends. The file must be where a reboot clears it.
 */
export class SavedForwarding {
  readonly #path: string;
  readonly #files: Files;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #newest = new Latest<UdpForwarding | null>();

  constructor(
    path: string,
    { files, clock, log }: { readonly files: Files; readonly clock: Clock; readonly log: Log },
  ) {
    this.#path = path;
    this.#files = files;
    this.#clock = clock;
    this.#log = log;
  }

  /** What the last process saved; null without a file, or with one that cannot be used, which is logged. */
  async load(): Promise<UdpForwarding | null> {
    try {
      return parseForwarding(await readText(this.#files, this.#path, MAX_BYTES));
    } catch (error) {
      if (isMissing(error)) return null;
      const reason = `${this.#path}: ${messageOf(error)}`;
      this.#log.warn(
        { op: "udp-recall", reason },
        "saved forwarding not loaded, the restart loses more packets",
      );
      return null;
    }
  }

  /** Schedules a write; null removes the file. */
  save(forwarding: UdpForwarding | null): void {
    this.#newest.put(forwarding);
  }

  /** Writes what {@link save} schedules until the signal aborts. */
  async run(signal: AbortSignal): Promise<never> {
    let lastFault: string | null = null;
    for (;;) {
      const forwarding = await this.#newest.take(signal);
      try {
        if (forwarding === null) await orMissing(this.#files.unlink(this.#path));
        else await replaceFile(this.#files, this.#path, formatForwarding(forwarding), { mode: FILE_MODE });
        lastFault = null;
      } catch (error) {
        const reason = messageOf(error);
        if (reason !== lastFault)
          this.#log.warn(
            { op: "udp-keep", reason },
            "forwarding not saved, a restart would lose more packets",
          );
        lastFault = reason;
      }
      await this.#clock.sleep(WRITE_APART_MS, signal);
    }
  }
}
