import type { DaemonOptions } from "../../config/daemon-options.ts";
import { Latest } from "../../runtime/latest.ts";
import type { ReadyCondition } from "../reports/node-readiness.ts";
import type { Readiness } from "../reports/readiness.ts";
import type { Surroundings } from "../underlay/host.ts";
import { withRetries } from "../with-retries.ts";
import { formatSubnetEnv, type SubnetEnv, writeSubnetEnv } from "./subnet-env.ts";

/** Least time between two lines about a file that cannot be written. */
const REMIND_MS = 600_000;

/** Writes subnet.env when its contents change, and retries until the write succeeds. */
export class SubnetFile {
  readonly #path: string;
  readonly #masquerade: boolean;
  readonly #parts: Surroundings & { readonly readiness: Readiness<ReadyCondition> };
  readonly #wanted = new Latest<SubnetEnv>();
  #newest: string | null = null;

  constructor(
    options: Pick<DaemonOptions, "subnetFile" | "firewall">,
    parts: Surroundings & { readonly readiness: Readiness<ReadyCondition> },
  ) {
    this.#path = options.subnetFile;
    this.#masquerade = options.firewall.masquerade;
    this.#parts = parts;
  }

  /** Cheap when nothing has changed. */
  put(network: Omit<SubnetEnv, "masquerade">): void {
    const env = { ...network, masquerade: this.#masquerade };
    const text = formatSubnetEnv(env);
    if (text === this.#newest) return;
    this.#newest = text;
    this.#wanted.put(env);
  }

  async run(signal: AbortSignal): Promise<never> {
    const { files, clock, log, readiness } = this.#parts;
    for (;;) {
      const env = await this.#wanted.take(signal);
      let loggedAtMs = Number.NEGATIVE_INFINITY;
      const onFault = (reason: string) => {
        readiness.fails("subnetFile", reason);
        // Compared by time: the text has the name of a temporary file.
        if (clock.nowMs() - loggedAtMs < REMIND_MS) return;
        loggedAtMs = clock.nowMs();
        log.warn({ op: "write-subnet-file", reason }, "subnet file not written, will retry");
      };
      await withRetries(() => writeSubnetEnv(files, this.#path, env), this.#parts, onFault, signal);
      log.info(
        { op: "write-subnet-file", subnet: env.subnets, mtuBytes: env.mtuBytes },
        "subnet file written",
      );
      readiness.holds("subnetFile");
    }
  }
}
