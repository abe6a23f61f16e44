import type { CniOptions } from "../../config/cni-options.ts";
import { Alarm } from "../../runtime/alarm.ts";
import { replaceFile } from "../../runtime/atomic-file.ts";
import type { Clock } from "../../runtime/clock.ts";
import { messageOf } from "../../runtime/error.ts";
import { type Files, orMissing, readText } from "../../runtime/files.ts";
import type { Log } from "../../runtime/log.ts";
import { type CniNetwork, conflistText } from "./conflist.ts";
import { describePreceding, precedingConfs } from "./preceding-confs.ts";
import { type ConflistTemplate, DEFAULT_TEMPLATE, parseTemplate } from "./template.ts";

export interface CniConfFileParts {
  readonly files: Files;
  readonly clock: Clock;
  readonly log: Log;
  /** Called after each check of the file: null when it is up to date, else the reason why it is not. */
  onCheck(fault: string | null): void;
  /** Called after each check of its directory: a sentence about a file that precedes ours; empty when ours is first. */
  onPreceding(notes: readonly string[]): void;
}

/** Templates in a mounted config map change within about a minute, and other programs rarely change the file. */
const CHECK_INTERVAL_MS = 5000;
/** Its readers are container runtimes, which run as root. */
const MODE = 0o600;
/** Far beyond what anybody writes by hand. */
const MAX_BYTES = 1024 * 1024;

/**
 * Writes the CNI configuration when the network or the template changes, and again when another program has changed or
 * removed the file. The file stays when the daemon ends, like the pods.
 */
export class CniConfFile {
  readonly #options: CniOptions;
  readonly #parts: CniConfFileParts;
  readonly #alarm: Alarm;
  #network: CniNetwork | null = null;
  /** The text that was read last, and the same parsed. */
  #template: { readonly text: string; readonly parsed: ConflistTemplate } | null = null;

  constructor(options: CniOptions, parts: CniConfFileParts) {
    this.#options = options;
    this.#parts = parts;
    this.#alarm = new Alarm(parts.clock);
  }

  put(network: CniNetwork): void {
    this.#network = network;
    this.#alarm.ring();
  }

  async run(signal: AbortSignal): Promise<never> {
    for (;;) {
      await this.#alarm.sleep(CHECK_INTERVAL_MS, signal);
      const network = this.#network;
      if (network === null) continue;
      try {
        await this.#write(conflistText(await this.#readTemplate(), network), network);
        this.#parts.onCheck(null);
      } catch (error) {
        this.#parts.onCheck(messageOf(error));
      }
      const { confFile } = this.#options;
      const preceding = await precedingConfs(this.#parts.files, confFile);
      this.#parts.onPreceding(describePreceding(preceding, confFile));
    }
  }

  async #write(text: string, { subnets, mtuBytes }: CniNetwork): Promise<void> {
    const { confFile } = this.#options;
    const { files, log } = this.#parts;
    if ((await orMissing(readText(files, confFile, MAX_BYTES))) === text) return;
    await replaceFile(files, confFile, text, { mode: MODE });
    log.info({ op: "write-cni-conf", subnet: subnets, mtuBytes }, "CNI configuration written");
  }

  async #readTemplate(): Promise<ConflistTemplate> {
    const { templateFile } = this.#options;
    if (templateFile === null) return DEFAULT_TEMPLATE;
    const text = await readText(this.#parts.files, templateFile, MAX_BYTES);
    if (this.#template?.text !== text) this.#template = { text, parsed: parseTemplate(text, templateFile) };
    return this.#template.parsed;
  }
}
