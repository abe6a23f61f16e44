/**
 * Network configurations that come into force while the daemon runs. One that cannot is refused: the last stays. It is
 * checked again when the host changes, which may be why it was refused.
 */
import { isDeepStrictEqual } from "node:util";
import type { LocalHost } from "../../../backends/backend.ts";
import type { NetworkConfig } from "../../config/network-config.ts";
import type { LeaseStore } from "../../lease/store.ts";
import { messageOf } from "../../runtime/error.ts";
import type { Files } from "../../runtime/files.ts";
import { Latest } from "../../runtime/latest.ts";
import type { Log } from "../../runtime/log.ts";
import type { NodeReport } from "../reports/node-report.ts";
import { checkHost } from "../switch-over/active-backend.ts";
import { type Configuration, checkLiveChange } from "./configuration.ts";
import { writeLastGoodConfig } from "./last-good-config.ts";
import { type RefusedConfiguration, RefusedConfigurations } from "./refused-configurations.ts";

export interface LiveChangesParts {
  readonly store: LeaseStore;
  readonly report: NodeReport;
  readonly files: Files;
  readonly log: Log;
}

export interface LiveChangesTarget {
  /** The host as it is. */
  host(): LocalHost;
  putIntoForce(configuration: Configuration): void;
  /** Path; each configuration is written there after it was put into force. */
  readonly lastGoodFile: string;
}

export class LiveChanges {
  readonly #target: LiveChangesTarget;
  readonly #parts: LiveChangesParts;
  readonly #refusals: RefusedConfigurations;
  readonly #wake = new Latest<null>();
  #arrived: Configuration[] = [];
  #known: NetworkConfig;
  /** The newest configuration, where it was refused. */
  #refused: RefusedConfiguration | null;

  /**
   * @param inForce the configuration that the node started with
   * @param refused the newest one, where that was refused at the start
   */
  constructor(
    inForce: NetworkConfig,
    refused: RefusedConfiguration | null,
    target: LiveChangesTarget,
    parts: LiveChangesParts,
  ) {
    this.#known = inForce;
    this.#refused = refused;
    this.#target = target;
    this.#parts = parts;
    this.#refusals = new RefusedConfigurations(parts);
  }

  hostChanged(): void {
    if (this.#refused !== null) this.#wake.put(null);
  }

  /** Ends when `configurations` do, by throwing, or when the signal aborts. */
  async run(configurations: AsyncIterable<Configuration>, signal: AbortSignal): Promise<void> {
    const arrivals = async () => {
      for await (const configuration of configurations) {
        this.#arrived.push(configuration);
        this.#wake.put(null);
      }
    };
    // The host may have changed while the node started on the last good one.
    if (this.#refused !== null) this.#wake.put(null);
    await Promise.all([arrivals(), this.#offerAll(signal)]);
  }

  async #offerAll(signal: AbortSignal): Promise<never> {
    for (;;) {
      await this.#wake.take(signal);
      const arrived = this.#arrived.splice(0);
      // Unless the store has another one by now, which is no configuration at all.
      if (arrived.length === 0 && this.#refused?.reason === this.#parts.report.refusal)
        arrived.push(this.#refused.configuration);
      for (const configuration of arrived) {
        await this.#offer(configuration);
        signal.throwIfAborted();
      }
    }
  }

  async #offer(configuration: Configuration): Promise<void> {
    const { text, config, backend } = configuration;
    try {
      checkLiveChange(this.#known, config);
      checkHost(backend, this.#target.host());
    } catch (error) {
      this.#refuse(configuration, messageOf(error));
      return;
    }
    this.#refused = null;
    this.#refusals.accept();
    if (isDeepStrictEqual(config, this.#known)) return;
    this.#known = config;
    this.#target.putIntoForce(configuration);
    this.#parts.log.info({ op: "read-config", backend: backend.channel }, "network configuration changed");
    await writeLastGoodConfig(this.#target.lastGoodFile, text, this.#parts);
  }

  /** Says nothing of one that is refused again for the same reason. */
  #refuse(configuration: Configuration, reason: string): void {
    const isKnown = this.#refused?.configuration === configuration && this.#refused.reason === reason;
    this.#refused = { configuration, reason };
    if (!isKnown) this.#refusals.refuse(reason);
  }
}
