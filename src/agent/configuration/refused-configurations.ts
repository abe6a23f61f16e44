import type { LeaseStore } from "../../lease/store.ts";
import type { Log } from "../../runtime/log.ts";
import type { NodeReport } from "../reports/node-report.ts";
import type { Configuration } from "./configuration.ts";

export interface RefusedConfiguration {
  readonly configuration: Configuration;
  readonly reason: string;
}

/** Reports a refused configuration in the log, the status document and the store; the one before it stays in force. */
export class RefusedConfigurations {
  readonly #log: Log;
  readonly #store: Pick<LeaseStore, "postNotice">;
  readonly #report: NodeReport;

  constructor(parts: { readonly log: Log; readonly store: LeaseStore; readonly report: NodeReport }) {
    this.#log = parts.log;
    this.#store = parts.store;
    this.#report = parts.report;
  }

  refuse(reason: string): void {
    this.#log.error({ op: "read-config", reason }, "network configuration refused");
    this.#report.configurationRefused(reason);
    const message = `The network configuration is refused, the previous one stays in force: ${reason}`;
    this.#store.postNotice?.({ reason: "NetworkConfigRefused", message });
  }

  /** The newest configuration is in force. */
  accept(): void {
    if (this.#report.refusal === null) return;
    this.#log.info({ op: "read-config" }, "network configuration no longer refused");
    this.#report.configurationAccepted();
  }
}
