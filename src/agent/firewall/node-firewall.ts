import type { DaemonOptions } from "../../config/daemon-options.ts";
import { followExclusions } from "../../config/exclusion-file.ts";
import type { NetworkConfig } from "../../config/network-config.ts";
import type { AddressRange, PacketOrigins } from "../../kernel/firewall/packet-origins.ts";
import type { RuleSet } from "../../kernel/firewall/rule-set.ts";
import { type DualPrefix, type DualStack, FAMILIES, type Prefix } from "../../net/index.ts";
import type { Clock } from "../../runtime/clock.ts";
import type { Files } from "../../runtime/files.ts";
import type { Log } from "../../runtime/log.ts";
import { isSameData } from "../../runtime/same-data.ts";
import type { NodeNotes } from "../reports/node-notes.ts";
import type { ReadyCondition } from "../reports/node-readiness.ts";
import type { Readiness } from "../reports/readiness.ts";
import { networksOf } from "../underlay/local-host.ts";
import type { HostFirewall } from "./host-firewall.ts";
import { planFirewall } from "./plan.ts";
import type { FirewallStatus } from "./status.ts";
import { adviseSysctls, type ReadSysctl } from "./sysctl-advice.ts";

export type Firewall = Pick<HostFirewall, "setDesired" | "run" | "release" | "status" | "onPass">;

export interface NodeFirewallParts {
  readonly firewall: Firewall;
  readonly readSysctl: ReadSysctl;
  readonly options: Pick<DaemonOptions, "firewall">;
  readonly readiness: Readiness<ReadyCondition>;
  readonly notes: NodeNotes;
  readonly files: Files;
  readonly clock: Clock;
  readonly log: Log;
}

/** The part of each network plan from which the rules derive. */
export interface FirewallInputs {
  readonly config: NetworkConfig;
  readonly subnets: DualPrefix;
  readonly leasable: DualStack<AddressRange>;
  readonly origins: PacketOrigins;
}

/** Derives the desired rules from the node's network and the operator's exclusions, and reports their state. */
export class NodeFirewall {
  readonly #parts: NodeFirewallParts;
  readonly #onPass: () => void;
  #exclusions: readonly Prefix[] = [];
  #inputs: FirewallInputs | null = null;
  #desired: { readonly rules: RuleSet; readonly enableNftables: boolean } | null = null;
  #wasInPlace = false;

  /** @param onPass called after a comparison of the rules: {@link wasInPlace} may have changed */
  constructor(parts: NodeFirewallParts, onPass: () => void) {
    this.#parts = parts;
    this.#onPass = onPass;
  }

  /** True once the rules were in place, or could not be written: from then on nothing needs to wait for them. */
  get wasInPlace(): boolean {
    return this.#wasInPlace;
  }

  /** True while the rules of the last {@link setInputs} are in place, or cannot be written. */
  get isApplied(): boolean {
    const { converged, faults } = this.#parts.firewall.status();
    return converged || faults.length > 0;
  }

  setInputs(inputs: FirewallInputs): void {
    this.#inputs = inputs;
    this.#setRules();
  }

  async run(signal: AbortSignal): Promise<void> {
    const { firewall } = this.#parts;
    firewall.onPass((status) => this.#report(status));
    await Promise.all([firewall.run(signal), this.#followExclusions(signal)]);
  }

  /** To be called at the end, after a stop or a failure. */
  release(): Promise<void> {
    return this.#parts.firewall.release();
  }

  async #followExclusions(signal: AbortSignal): Promise<void> {
    const { files, clock, log, options } = this.#parts;
    const onFault = (reason: string) =>
      log.warn(
        { op: "read-exclusions", reason },
        "exclusion list not read, the last good one stays in force",
      );
    const lists = followExclusions(options.firewall.masqueradeExclusions, { files, clock, onFault }, signal);
    for await (const prefixes of lists) {
      this.#exclusions = prefixes;
      this.#setRules();
    }
  }

  #setRules(): void {
    if (this.#inputs === null) return;
    const { firewall, options } = this.#parts;
    const { config, subnets, leasable, origins } = this.#inputs;
    const rules = planFirewall({
      options: options.firewall,
      networks: networksOf(config),
      subnets,
      leasable,
      masqueradeExclusions: this.#exclusions,
      origins,
    });
    const desired = { rules, enableNftables: config.enableNftables };
    if (isSameData(desired, this.#desired)) return;
    this.#desired = desired;
    firewall.setDesired(desired.rules, desired.enableNftables);
  }

  #report(status: FirewallStatus): void {
    const { faults, converged } = status;
    const { readiness, notes } = this.#parts;
    if (faults.length > 0) readiness.fails("firewall", faults.join("; "));
    else if (converged) readiness.holds("firewall");
    notes.set("firewall", status.notes);
    notes.set("forwarding", status.blockers);
    this.#adviseOn(status);
    this.#wasInPlace ||= converged || faults.length > 0;
    this.#onPass();
  }

  /** After every comparison of the rules: kernel parameters change without an event. */
  #adviseOn({ writer }: FirewallStatus): void {
    if (this.#inputs === null) return;
    const { subnets, origins } = this.#inputs;
    const families = FAMILIES.filter((family) => subnets[family] !== null);
    const { tunnels = [], bare = [] } = origins.arrivals ?? {};
    const peerInterfaces = bare.length === 0 ? [] : [...bare, ...tunnels];
    const { notes, readSysctl } = this.#parts;
    notes.set("sysctl", adviseSysctls({ families, peerInterfaces, writer }, readSysctl));
  }
}
