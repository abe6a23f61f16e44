/**
 * The firewall in parts that succeed and fail independently: a host without IPv6 still gets its IPv4 rules, and one
 * whose kernel has no interval sets still masquerades.
 */

import type { Installation } from "../../kernel/firewall/iptables/installation.ts";
import { type IptablesAccess, IptablesWriter } from "../../kernel/firewall/iptables/writer.ts";
import {
  ENFORCEMENT_ELEMENTS,
  ENFORCEMENT_SET,
  formatEnforcement,
} from "../../kernel/firewall/nftables/enforcement-set.ts";
import {
  PACKET_FILTER_TABLE,
  packetFilterTable,
} from "../../kernel/firewall/nftables/packet-filter-table.ts";
import { RULES_TABLES, rulesTable } from "../../kernel/firewall/nftables/rules-table.ts";
import type { Commit } from "../../kernel/firewall/nftables/ruleset-watch.ts";
import { type NftTable, type NftTableId, tableKey } from "../../kernel/firewall/nftables/table.ts";
import {
  type NftablesAccess,
  NftablesWriter,
  type WantedTable,
} from "../../kernel/firewall/nftables/writer.ts";
import type { PacketFilter } from "../../kernel/firewall/packet-origins.ts";
import type { HostPrograms } from "../../kernel/firewall/programs.ts";
import { type FamilyRules, NO_FAMILY_RULES, type RuleSet } from "../../kernel/firewall/rule-set.ts";
import { FAMILIES } from "../../net/index.ts";
import type { Choice } from "./writer-choice.ts";

export interface Part {
  /** For logs: "iptables v4", "table ip flannel-ipv4". */
  readonly name: string;
  /** False for a part that only removes leftovers: its failure does not affect readiness. */
  readonly isWanted: boolean;
  /** Writes what differs. @returns true when something was written */
  reconcile(signal: AbortSignal): Promise<boolean>;
}

const TABLES: readonly NftTableId[] = [...Object.values(RULES_TABLES), PACKET_FILTER_TABLE];

/** Its name among the parts. */
export const PACKET_FILTER_PART = nameOf(PACKET_FILTER_TABLE);

export class Parts {
  readonly #access: IptablesAccess;
  readonly #nftables: NftablesWriter;
  readonly #iptables = new Map<string, IptablesWriter>();
  #filter: { readonly of: PacketFilter; readonly table: NftTable | null } | null = null;

  constructor(access: NftablesAccess & IptablesAccess) {
    this.#access = access;
    this.#nftables = new NftablesWriter(access);
  }

  /** All parts to write and to remove. The wanted ones come first, so that leftovers are removed after them. */
  list(rules: RuleSet, choice: Choice, host: HostPrograms): readonly Part[] {
    const parts = [...this.#nftablesParts(rules, choice, host), ...this.#iptablesParts(rules, choice, host)];
    return [...parts.filter((part) => part.isWanted), ...parts.filter((part) => !part.isWanted)];
  }

  /** @returns true when the transaction may have changed something of ours */
  receive(commit: Commit): boolean {
    this.#nftables.receive(commit);
    let concerns = TABLES.some((id) => commit.tables.has(tableKey(id)));
    for (const writer of this.#iptables.values()) {
      if (!writer.nftTables.some((table) => commit.tables.has(table))) continue;
      writer.invalidate();
      concerns = true;
    }
    return concerns;
  }

  /** Whether the last list included a packet filter. */
  get hasFilter(): boolean {
    return (this.#filter?.table ?? null) !== null;
  }

  /** Lets the packet filter refuse for this many seconds from now. To be called while its table is in place. */
  async renewFilter(seconds: number, signal: AbortSignal): Promise<void> {
    const elements = [...ENFORCEMENT_ELEMENTS].flatMap((each) => formatEnforcement(each, seconds) ?? []);
    await this.#nftables.refill(PACKET_FILTER_TABLE, ENFORCEMENT_SET, elements, signal);
  }

  /** Events were lost: any table of nftables may have changed. */
  invalidate(): void {
    this.#nftables.invalidate();
    for (const writer of this.#iptables.values()) if (writer.installation.kind === "nft") writer.invalidate();
  }

  /** The kernel sends no events for the tables of iptables-legacy. */
  invalidateLegacy(choice: Choice, host: HostPrograms): void {
    for (const family of FAMILIES) {
      if (choice.writers[family] !== "iptables") continue;
      const [chosen] = host.iptables[family];
      if (chosen?.kind === "legacy") this.#iptablesWriter(chosen).invalidate();
    }
  }

  #nftablesParts({ families, packetFilter }: RuleSet, choice: Choice, host: HostPrograms): Part[] {
    if (!host.hasNft) return [];
    const wanted: WantedTable[] = FAMILIES.map((family) => {
      const rules = choice.writers[family] === "nftables" ? families[family] : null;
      return { id: RULES_TABLES[family], table: rules === null ? null : rulesTable(family, rules) };
    });
    wanted.push({ id: PACKET_FILTER_TABLE, table: this.#filterTable(packetFilter) });
    return wanted.map((each) => ({
      name: nameOf(each.id),
      isWanted: each.table !== null,
      reconcile: async (signal) => (await this.#nftables.reconcile([each], signal)) > 0,
    }));
  }

  /** Computed once for each desired state: with thousands of peers it is expensive. */
  #filterTable(filter: PacketFilter | null): NftTable | null {
    if (filter !== this.#filter?.of) {
      this.#filter = filter === null ? null : { of: filter, table: packetFilterTable(filter) };
    }
    return this.#filter?.table ?? null;
  }

  #iptablesParts({ families }: RuleSet, choice: Choice, host: HostPrograms): Part[] {
    return FAMILIES.flatMap((family) =>
      host.iptables[family].map((installation, index): Part => {
        const isChosen = choice.writers[family] === "iptables" && index === 0;
        return this.#iptablesPart(installation, isChosen ? families[family] : null);
      }),
    );
  }

  #iptablesPart(installation: Installation, rules: FamilyRules | null): Part {
    const { family, kind } = installation;
    return {
      name: `${kind} iptables ${family}`,
      isWanted: rules !== null,
      reconcile: (signal) => this.#iptablesWriter(installation).reconcile(rules ?? NO_FAMILY_RULES, signal),
    };
  }

  #iptablesWriter(installation: Installation): IptablesWriter {
    const key = `${installation.kind} ${installation.family}`;
    const known = this.#iptables.get(key);
    if (known?.installation.save === installation.save) return known;
    const writer = new IptablesWriter(installation, this.#access);
    this.#iptables.set(key, writer);
    return writer;
  }
}

function nameOf(id: NftTableId): string {
  return `table ${tableKey(id)}`;
}
