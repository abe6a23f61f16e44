/** Follows the network configuration in the store, and refuses what cannot be put into force. */
import { isDeepStrictEqual } from "node:util";
import { type NetworkConfig, parseNetworkConfig } from "../config/network-config.ts";
import { FAMILIES } from "../net/index.ts";
import { messageOf, TweedError } from "../runtime/error.ts";
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

/**
 * A backend and its options change while traffic flows; what addresses the pods have does not.
 * @throws TweedError `invalid-config` that names the key
 */
export function checkLiveChange(inForce: NetworkConfig, wanted: NetworkConfig): void {
  for (const family of FAMILIES) {
    if (isDeepStrictEqual(inForce[family], wanted[family])) continue;
    const key = family === "v4" ? "Network" : "IPv6Network";
    const describe = (config: NetworkConfig) => {
      const plan = config[family];
      if (plan === null) return "off";
      return `${plan.network} with subnets /${plan.subnetLength} from ${plan.subnetMin} to ${plan.subnetMax}`;
    };
    throw new TweedError({
      code: "invalid-config",
      operation: "change the network configuration",
      reason:
        `${key} is ${describe(inForce)} and would become ${describe(wanted)}; pods keep their addresses, so this ` +
        "needs new pods and a restart of every daemon",
    });
  }
}
