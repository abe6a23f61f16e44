/** A host's packet filters in this process: two iptables, nftables as its last scripts, and every run counted. */
import type { FirewallAccess } from "../../src/kernel/firewall/access.ts";
import type { ForwardChain } from "../../src/kernel/firewall/forward-chain.ts";
import type { Installation, Kind } from "../../src/kernel/firewall/iptables/installation.ts";
import { countsOf } from "../../src/kernel/firewall/nftables/counters.ts";
import type { HostPrograms } from "../../src/kernel/firewall/programs.ts";
import type { Refusal } from "../../src/kernel/firewall/refusal.ts";
import type { Family, Ip } from "../../src/net/index.ts";
import { datagram, FakeEvents } from "./fake-netlink.ts";
import { IptablesModel } from "./iptables-model.ts";

export function installation(family: Family, kind: Kind): Installation {
  const base = family === "v4" ? "iptables" : "ip6tables";
  return { family, kind, save: `${base}-${kind}-save`, restore: `${base}-${kind}-restore`, isModern: true };
}

export class FakeFirewall implements FirewallAccess {
  readonly events = new FakeEvents();
  readonly runs: string[] = [];
  readonly scripts: string[] = [];
  readonly #iptables = new Map<string, IptablesModel>();
  host: HostPrograms;
  currentGeneration = 7;
  /** Errors of the next runs, in order; null lets one succeed. */
  failures: (Error | null)[] = [];

  constructor(host: HostPrograms) {
    this.host = host;
  }

  iptables({ save }: Installation): IptablesModel {
    const model = this.#iptables.get(save) ?? new IptablesModel();
    this.#iptables.set(save, model);
    return model;
  }

  /** A transaction of another program. */
  commit(...tables: readonly string[]): void {
    this.currentGeneration += 1;
    this.#announce(tables);
  }

  async programs(): Promise<HostPrograms> {
    return this.host;
  }

  openEvents(): FakeEvents {
    return this.events;
  }

  async run(script: string): Promise<void> {
    this.runs.push("nft");
    this.#failIfTold();
    this.scripts.push(script);
    this.currentGeneration += 1;
    this.#announce(new Set(script.match(/(?<=table )(?:ip|ip6|inet) \S+/g)));
  }

  async generation(): Promise<number> {
    return this.currentGeneration;
  }

  async save(installed: Installation): Promise<string> {
    this.runs.push(installed.save);
    this.#failIfTold();
    return this.iptables(installed).save();
  }

  async restore(installed: Installation, input: string): Promise<void> {
    this.runs.push(installed.restore);
    this.#failIfTold();
    this.iptables(installed).restore(input);
  }

  /** Chains of the hook "forward", of any program. */
  chains: readonly ForwardChain[] = [];

  async forwardChains(): Promise<readonly ForwardChain[]> {
    return this.chains;
  }

  /** Packets refused so far, and their sources. */
  readonly refused = new Map<Refusal, { packets: number; sources: readonly Ip[] }>();

  async refusalCounts() {
    return countsOf([...this.refused].map(([name, { packets }]) => [name, { packets, bytes: 0 }]));
  }

  async refusedSources(reason: Refusal): Promise<readonly Ip[]> {
    return this.refused.get(reason)?.sources ?? [];
  }

  #announce(tables: Iterable<string>): void {
    this.events.push(...notificationsOf(tables, this.currentGeneration));
  }

  #failIfTold(): void {
    const failure = this.failures.shift();
    if (failure instanceof Error) throw failure;
  }
}

const FAMILY_NUMBERS: Readonly<Record<string, number>> = { inet: 1, ip: 2, ip6: 10 };

/** Notifications of the kernel for a transaction: NFT_MSG_NEWRULE for each table, then NFT_MSG_NEWGEN. */
export function notificationsOf(tables: Iterable<string>, generation: number): Uint8Array[] {
  const rules = [...tables].map((table) => {
    const [family = "", name = ""] = table.split(" ");
    return message(6, FAMILY_NUMBERS[family] ?? 0, new TextEncoder().encode(`${name}\0`));
  });
  const id = new Uint8Array(4);
  new DataView(id.buffer).setUint32(0, generation);
  return [...rules, message(15, 0, id)];
}

/** A message of nf_tables with one attribute of type 1. */
function message(type: number, family: number, attribute: Uint8Array): Uint8Array {
  const body = new Uint8Array(4 + ((4 + attribute.length + 3) & ~3));
  body[0] = family;
  new DataView(body.buffer).setUint16(4, 4 + attribute.length, true);
  body[6] = 1;
  body.set(attribute, 8);
  return datagram({ type: (10 << 8) | type, flags: 0, sequence: 0, body });
}
