/** Network configurations that come into force while the daemon runs. One that cannot is refused: the last stays. */
import { isDeepStrictEqual } from "node:util";
import type { LocalHost } from "../../../backends/backend.ts";
import type { NetworkConfig } from "../../config/network-config.ts";
import type { LeaseStore } from "../../lease/store.ts";
import { messageOf } from "../../runtime/error.ts";
import type { Files } from "../../runtime/files.ts";
import type { Log } from "../../runtime/log.ts";
import type { NodeReport } from "../reports/node-report.ts";
import { checkHost } from "../switch-over/active-backend.ts";
import { type Configuration, checkLiveChange } from "./configuration.ts";
import { writeLastGoodConfig } from "./last-good-config.ts";
import { RefusedConfigurations } from "./refused-configurations.ts";

export interface LiveChangesParts {
  readonly store: LeaseStore;
  readonly report: NodeReport;
  readonly files: Files;
  readonly log: Log;
}

/**
 * @param inForce the configuration that the node started with
 * @param host returns the host as it is when a configuration arrives
 * @param lastGoodFile path; each configuration is written there after the consumer has put it into force
 */
export async function* liveChanges(
  configurations: AsyncIterable<Configuration>,
  inForce: NetworkConfig,
  host: () => LocalHost,
  lastGoodFile: string,
  parts: LiveChangesParts,
  signal: AbortSignal,
): AsyncGenerator<Configuration, void> {
  const { log } = parts;
  const refusals = new RefusedConfigurations(parts);
  let known = inForce;
  for await (const configuration of configurations) {
    signal.throwIfAborted();
    const { text, config, backend } = configuration;
    try {
      checkLiveChange(known, config);
      checkHost(backend, host());
    } catch (error) {
      refusals.refuse(messageOf(error));
      continue;
    }
    refusals.accept();
    if (isDeepStrictEqual(config, known)) continue;
    known = config;
    yield configuration;
    log.info({ op: "read-config", backend: backend.channel }, "network configuration changed");
    await writeLastGoodConfig(lastGoodFile, text, parts);
    signal.throwIfAborted();
  }
}
