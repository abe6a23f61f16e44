import type { CniOptions } from "../../config/cni-options.ts";
import { Alarm } from "../../runtime/alarm.ts";
import { replaceFile } from "../../runtime/atomic-file.ts";
import type { Clock } from "../../runtime/clock.ts";
import { messageOf } from "../../runtime/error.ts";
import { type Files, orMissing, readText } from "../../runtime/files.ts";
import type { Log } from "../../runtime/log.ts";
import { type CniNetwork, conflistText } from "./conflist.ts";
import { describeEarlier, earlierConfs } from "./earlier-confs.ts";
import { type ConflistTemplate, DEFAULT_TEMPLATE, parseTemplate } from "./template.ts";

export interface CniConfFileParts {
  readonly files: Files;
  readonly clock: Clock;
  readonly log: Log;
  /** Told after each look at the file: null when it says what it should, else why it does not. */
  onTurn(fault: string | null): void;
  /** Told after each look at what is beside it: which others come first, in a sentence; empty when ours does. */
  onEarlier(notes: readonly string[]): void;
}

/** Templates in a mounted config map change within a minute or so, and nobody else should change the file. */
const LOOK_EVERY_MS = 5000;
/** Its readers are container runtimes, which run as root. */
const MODE = 0o600;
/** Far beyond what anybody writes by hand. */
const MAX_BYTES = 1024 * 1024;

/**
 * Keeps the CNI configuration saying what is so. It is written when that changes, when the template does, and when
 * somebody else changed or removed the file; and stays when the daemon ends, like the pods.
 */
export class CniConfFile {
  readonly #options: CniOptions;
  readonly #parts: CniConfFileParts;
  readonly #alarm: Alarm;
  #network: CniNetwork | null = null;
  /** What was read of it last, and what that means. */
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
      await this.#alarm.sleep(LOOK_EVERY_MS, signal);
      const network = this.#network;
      if (network === null) continue;
      try {
        await this.#write(conflistText(await this.#readTemplate(), network), network);
        this.#parts.onTurn(null);
      } catch (error) {
        this.#parts.onTurn(messageOf(error));
      }
      const { confFile } = this.#options;
      const earlier = await earlierConfs(this.#parts.files, confFile);
      this.#parts.onEarlier(describeEarlier(earlier, confFile));
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
