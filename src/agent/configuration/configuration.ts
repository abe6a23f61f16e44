/** Follows the network configuration in the store, and refuses one that cannot come into force. */
import { isDeepStrictEqual } from "node:util";
import type { Backend } from "../../../backends/backend.ts";
import { BACKENDS, backendOfType } from "../../../backends/registry.ts";
import type { SubnetSource } from "../../config/address-plan.ts";
import { configWarnings } from "../../config/config-warnings.ts";
import { type NetworkConfig, parseNetworkConfig } from "../../config/network-config.ts";
import { FAMILIES } from "../../net/index.ts";
import { messageOf, TweedError } from "../../runtime/error.ts";
import { type ActiveBackend, activateBackend } from "../switch-over/active-backend.ts";

export interface Configuration {
  readonly text: string;
  readonly config: NetworkConfig;
  readonly backend: ActiveBackend;
}

/**
 * A refused text is reported to `onRefused`, and the one before it stays in force. In place of a refused first text it
 * yields `lastGood`, from an earlier daemon, unless that is null.
 * @param onDoubt called for each part of an accepted text that is probably a mistake
 */
export async function* validConfigurations(
  texts: AsyncIterable<string>,
  onRefused: (reason: string) => void,
  onDoubt: (doubt: string) => void,
  subnets: SubnetSource = "leased",
  lastGood: Configuration | null = null,
  backends: readonly Backend[] = BACKENDS,
): AsyncGenerator<Configuration, void> {
  let isFirst = true;
  for await (const text of texts) {
    try {
      const { doubts, ...configuration } = readConfiguration(
        text,
        "network configuration",
        subnets,
        backends,
      );
      doubts.forEach(onDoubt);
      yield configuration;
    } catch (error) {
      onRefused(messageOf(error));
      if (isFirst && lastGood !== null) yield lastGood;
    }
    isFirst = false;
  }
}

/**
 * @param source origin of the text, for errors
 * @throws TweedError `invalid-config` that names the key
 */
export function readConfiguration(
  text: string,
  source: string,
  subnets: SubnetSource = "leased",
  backends: readonly Backend[] = BACKENDS,
): Configuration & { readonly doubts: readonly string[] } {
  const config = parseNetworkConfig(text, source, subnets);
  const backend = activateBackend(config, backends);
  const { type, optionKeys } = backendOfType(config.backend.type, backends);
  const context = { hasIpv4: config.v4 !== null, hasIpv6: config.v6 !== null, backend: { type, optionKeys } };
  return { text, config, backend, doubts: configWarnings(text, context) };
}

/**
 * A backend and its options may change while traffic flows; the address plan of the pods may not.
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
