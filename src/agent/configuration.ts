/** Follows the network configuration in the store. */
import { type NetworkConfig, parseNetworkConfig } from "../config/network-config.ts";
import { messageOf } from "../runtime/error.ts";
import type { Log } from "../runtime/log.ts";
import { type ActiveBackend, activateBackend } from "./active-backend.ts";

export interface Configuration {
  readonly config: NetworkConfig;
  readonly backend: ActiveBackend;
}

/** Texts that are refused are told to `onRefused`, and the one before them stays in force. */
export async function* validConfigurations(
  texts: AsyncIterable<string>,
  onRefused: (reason: string) => void,
): AsyncGenerator<Configuration, void> {
  for await (const text of texts) {
    try {
      const config = parseNetworkConfig(text, "network configuration");
      yield { config, backend: activateBackend(config) };
    } catch (error) {
      onRefused(messageOf(error));
    }
  }
}

/** What is in force is not changed while the daemon runs; a change is announced, for the restart it needs. */
export async function watchForChange(
  inForce: Configuration,
  configurations: AsyncGenerator<Configuration, void>,
  log: Log,
): Promise<void> {
  let last = JSON.stringify(inForce.config);
  for await (const { config } of configurations) {
    const text = JSON.stringify(config);
    if (text === last) continue;
    last = text;
    log.warn(
      { op: "read-config", backend: config.backend.type },
      "the network configuration has changed; restart the daemon to put it into force",
    );
  }
}
