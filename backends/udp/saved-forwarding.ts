import { replaceFile } from "../../src/runtime/atomic-file.ts";
import type { Clock } from "../../src/runtime/clock.ts";
import { messageOf } from "../../src/runtime/error.ts";
import { type Files, isMissing, orMissing, readText } from "../../src/runtime/files.ts";
import { Latest } from "../../src/runtime/latest.ts";
import type { Log } from "../../src/runtime/log.ts";
import type { UdpForwarding } from "./forwarding.ts";
import { formatForwarding, parseForwarding } from "./forwarding-text.ts";

/** Beside the subnet file. */
export const FORWARDING_FILE = "udp-forwarding.json";

/** Of a cluster that changes all the time, one state in this time is kept: an old one still serves most peers. */
const WRITE_APART_MS = 1000;
/** Far beyond what the most peers take. */
const MAX_BYTES = 64 * 1024 * 1024;
/** It names hosts and subnets, which nobody else on the host need know. */
const FILE_MODE = 0o600;

/**
 * What is forwarded, kept in a file: the next process carries packets with it before its store has answered, as the
 * kernel does by itself for the other backends. The file belongs where a reboot clears it.
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

  /** What the last process kept; null where there is nothing, or nothing that can be used, which is logged. */
  async load(): Promise<UdpForwarding | null> {
    try {
      return parseForwarding(await readText(this.#files, this.#path, MAX_BYTES));
    } catch (error) {
      if (isMissing(error)) return null;
      const reason = `${this.#path}: ${messageOf(error)}`;
      this.#log.warn({ op: "udp-recall", reason }, "what was forwarded before is not known");
      return null;
    }
  }

  /** To be written soon; null removes the file. */
  save(forwarding: UdpForwarding | null): void {
    this.#newest.put(forwarding);
  }

  /** Writes what is to be kept until the signal aborts. */
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
          this.#log.warn({ op: "udp-keep", reason }, "a restart will cost more packets");
        lastFault = reason;
      }
      await this.#clock.sleep(WRITE_APART_MS, signal);
    }
  }
}
