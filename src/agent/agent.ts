/**
 * The node agent: waits for a configuration and an interface, then runs the node's network. All side effects are passed
 * in, so that a whole cluster can run in one process on fakes.
 */
import { setMaxListeners } from "node:events";
import { messageOf } from "../runtime/error.ts";
import { linkedAbort } from "../runtime/linked-abort.ts";
import { type PreviousSubnetEnv, parseSubnetEnv, readSubnetEnv } from "./cni/subnet-env.ts";
import { type Configuration, validConfigurations } from "./configuration/configuration.ts";
import { firstUsable } from "./configuration/first-usable.ts";
import {
  lastGoodConfigFile,
  readLastGoodConfig,
  writeLastGoodConfig,
} from "./configuration/last-good-config.ts";
import { RefusedConfigurations } from "./configuration/refused-configurations.ts";
import { holdersFile, readHolders } from "./holders-file.ts";
import { NodeNetwork, type NodeParts } from "./node-network.ts";
import { NOT_READY_YET } from "./reports/node-readiness.ts";
import { checkHost } from "./switch-over/active-backend.ts";
import { readRetainedBackends, retainedBackendsFile } from "./switch-over/retained-backends.ts";
import { findHost } from "./underlay/host.ts";
import { withRetries } from "./with-retries.ts";

export class Agent {
  readonly #parts: NodeParts;

  constructor(parts: NodeParts) {
    this.#parts = parts;
  }

  /**
   * Runs until the signal aborts, and leaves the data path in place.
   * @throws TweedError when this host cannot serve the configuration (`unsuitable-host`)
   */
  async run(signal: AbortSignal): Promise<void> {
    const ended = linkedAbort(signal);
    // Every part of the node listens to it, more listeners than Node's leak warning allows; each removes its own.
    setMaxListeners(0, ended.signal);
    try {
      await this.#serve(ended.signal);
    } catch (error) {
      if (!signal.aborted) throw error;
    } finally {
      ended.abort(new Error("the agent has ended"));
    }
  }

  async #serve(signal: AbortSignal): Promise<void> {
    const { store, log, readiness, notes, options, identity, backends } = this.#parts;
    const refusals = new RefusedConfigurations(this.#parts);
    let isFirst = true;
    store.health.onChange(() => {
      const { outage } = store.health;
      notes.set("store", outage === null ? [] : [outage.reason], outage?.sinceWallMs);
      if (isFirst) readiness.fails("configuration", outage?.reason ?? NOT_READY_YET.configuration);
    });
    const onRefused = (reason: string) => {
      refusals.refuse(reason);
      if (isFirst) readiness.fails("configuration", reason);
    };
    const onDoubt = (reason: string) =>
      log.warn({ op: "read-config", reason }, "network configuration accepted with a warning");
    const onIgnored = (reason: string) =>
      log.warn({ op: "read-config", reason }, "configuration key ignored, the cluster assigns the subnet");
    const subnets = store.subnets === "assigned" ? { onIgnored } : "leased";
    const texts = store.configurations(signal);
    const configFile = lastGoodConfigFile(options.subnetFile);
    const lastGood = await readLastGoodConfig(configFile, subnets, this.#parts, backends);
    const configurations = validConfigurations(texts, onRefused, onDoubt, subnets, lastGood, backends);
    const first = await configurations.next();
    if (first.done) return signal.throwIfAborted();
    isFirst = false;
    readiness.holds("configuration");
    if (first.value !== lastGood) refusals.accept();

    const previous = await this.#previousSubnetEnv();
    const holders = await readHolders(holdersFile(options.subnetFile), this.#parts);
    for (const reason of previous.faults)
      log.warn({ op: "read-subnet-file", reason }, "line of the subnet file skipped");
    const onFault = (reason: string) => {
      log.warn({ op: "choose-interface", reason }, "interface not chosen, will retry");
      readiness.fails("interface", reason);
    };
    const onStoreFault = (reason: string) => {
      log.warn({ op: "read-last-lease", reason }, "last lease not read, will retry");
      readiness.fails("lease", reason);
    };
    const underlay = await this.#underlayOptions(onStoreFault, signal);
    const file = retainedBackendsFile(options.subnetFile);
    const prepare = async (configuration: Configuration) => {
      await store.checkNetwork?.(configuration.config, signal);
      const earlier = await readRetainedBackends(file, configuration.config, this.#parts, backends);
      const host = await findHost(
        configuration,
        earlier,
        underlay,
        { identity, previousSubnets: previous.subnets },
        this.#parts,
        onFault,
        onStoreFault,
        signal,
      );
      // Checked before the lease is acquired: the operator has to fix this.
      checkHost(configuration.backend, host.found.host);
      return { configuration, earlier, host };
    };
    const onOutside = (reason: string) => {
      if (readiness.conditions().lease !== reason)
        log.warn({ op: "acquire-lease", reason }, "lease not acquired, will retry");
      readiness.fails("lease", reason);
    };
    const { clock, random } = this.#parts;
    const { prepared, refused, further } = await firstUsable(
      configurations,
      first.value,
      prepare,
      { clock, random, lastGood, onRefused: (reason) => refusals.refuse(reason), onFault: onOutside },
      signal,
    );
    const { configuration, earlier: retained, host } = prepared;
    await writeLastGoodConfig(configFile, configuration.text, this.#parts);
    const parts = { ...this.#parts, options: { ...options, underlay } };
    const earlier = { retained, previous, holders };
    await new NodeNetwork(parts, { configuration, refused }, host, earlier).run(further, signal);
  }

  /** Another program may have put anything in its place; the node starts without it, and fails to write it. */
  async #previousSubnetEnv(): Promise<PreviousSubnetEnv> {
    const { files, log, options } = this.#parts;
    try {
      return await readSubnetEnv(files, options.subnetFile);
    } catch (error) {
      const fields = { op: "read-subnet-file", path: options.subnetFile, reason: messageOf(error) };
      log.warn(fields, "subnet file not read, starting without the previous subnets");
      return parseSubnetEnv("");
    }
  }

  /** Addresses that an operator set for this node in the store take precedence over those of the flags. */
  async #underlayOptions(
    onFault: (reason: string) => void,
    signal: AbortSignal,
  ): Promise<NodeParts["options"]["underlay"]> {
    const { store, options } = this.#parts;
    const { underlay } = options;
    const ask = async () => (await store.publicIps?.(signal)) ?? { v4: null, v6: null };
    const { v4, v6 } = await withRetries(ask, this.#parts, onFault, signal);
    return {
      ...underlay,
      publicIps: { v4: v4 ?? underlay.publicIps.v4, v6: v6 ?? underlay.publicIps.v6 },
    };
  }
}
