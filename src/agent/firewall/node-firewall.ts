import { isDeepStrictEqual } from "node:util";
import type { DaemonOptions } from "../../config/daemon-options.ts";
import { followExclusions } from "../../config/exclusion-file.ts";
import type { NetworkConfig } from "../../config/network-config.ts";
import type { AddressRange, PacketOrigins } from "../../kernel/firewall/packet-origins.ts";
import type { RuleSet } from "../../kernel/firewall/rule-set.ts";
import { type DualPrefix, type DualStack, FAMILIES, type Prefix } from "../../net/index.ts";
import type { Clock } from "../../runtime/clock.ts";
import type { Files } from "../../runtime/files.ts";
import type { Log } from "../../runtime/log.ts";
import type { NodeNotes } from "../reports/node-notes.ts";
import type { ReadyCondition } from "../reports/node-readiness.ts";
import type { Readiness } from "../reports/readiness.ts";
import { networksOf } from "../underlay/local-host.ts";
import type { HostFirewall } from "./host-firewall.ts";
import { planFirewall } from "./plan.ts";
import type { FirewallStatus } from "./status.ts";
import { adviseSysctls, type ReadSysctl } from "./sysctl-advice.ts";

export type Firewall = Pick<HostFirewall, "setDesired" | "run" | "release" | "status" | "onTurn">;

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

/** What the firewall takes from the node's network, whenever that is planned. */
export interface Guarded {
  readonly config: NetworkConfig;
  readonly subnets: DualPrefix;
  readonly leasable: DualStack<AddressRange>;
  readonly origins: PacketOrigins;
}

/** Has the firewall follow the node's network and the operator's list of exclusions, and says how it stands. */
export class NodeFirewall {
  readonly #parts: NodeFirewallParts;
  readonly #onTurn: () => void;
  #exclusions: readonly Prefix[] = [];
  #guarded: Guarded | null = null;
  #desired: { readonly rules: RuleSet; readonly enableNftables: boolean } | null = null;
  #hasStood = false;

  /** @param onTurn called when the firewall has looked at its rules: {@link hasStood} may have changed */
  constructor(parts: NodeFirewallParts, onTurn: () => void) {
    this.#parts = parts;
    this.#onTurn = onTurn;
  }

  /** True once the rules stood, or could not be made to: from then on nobody needs to wait for them. */
  get hasStood(): boolean {
    return this.#hasStood;
  }

  /** True while the rules are those that {@link guard} asked for last, or cannot be. */
  get isSettled(): boolean {
    const { converged, faults } = this.#parts.firewall.status();
    return converged || faults.length > 0;
  }

  guard(guarded: Guarded): void {
    this.#guarded = guarded;
    this.#setRules();
  }

  async run(signal: AbortSignal): Promise<void> {
    const { firewall } = this.#parts;
    firewall.onTurn((status) => this.#report(status));
    await Promise.all([firewall.run(signal), this.#followExclusions(signal)]);
  }

  /** To be called at the end, whatever ended the daemon. */
  release(): Promise<void> {
    return this.#parts.firewall.release();
  }

  async #followExclusions(signal: AbortSignal): Promise<void> {
    const { files, clock, log, options } = this.#parts;
    const onFault = (reason: string) =>
      log.warn({ op: "read-exclusions", reason }, "the last good list stays");
    const lists = followExclusions(options.firewall.masqueradeExclusions, { files, clock, onFault }, signal);
    for await (const prefixes of lists) {
      this.#exclusions = prefixes;
      this.#setRules();
    }
  }

  #setRules(): void {
    if (this.#guarded === null) return;
    const { firewall, options } = this.#parts;
    const { config, subnets, leasable, origins } = this.#guarded;
    const rules = planFirewall({
      options: options.firewall,
      networks: networksOf(config),
      subnets,
      leasable,
      masqueradeExclusions: this.#exclusions,
      origins,
    });
    const desired = { rules, enableNftables: config.enableNftables };
    if (isDeepStrictEqual(desired, this.#desired)) return;
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
    this.#hasStood ||= converged || faults.length > 0;
    this.#onTurn();
  }

  /** At every look at the rules: kernel parameters change without a notification. */
  #adviseOn({ writer }: FirewallStatus): void {
    if (this.#guarded === null) return;
    const { subnets, origins } = this.#guarded;
    const families = FAMILIES.filter((family) => subnets[family] !== null);
    const { tunnels = [], bare = [] } = origins.arrivals ?? {};
    const peerInterfaces = bare.length === 0 ? [] : [...bare, ...tunnels];
    const { notes, readSysctl } = this.#parts;
    notes.set("sysctl", adviseSysctls({ families, peerInterfaces, writer }, readSysctl));
  }
}
