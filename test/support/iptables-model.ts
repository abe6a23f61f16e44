/**
 * The effect of iptables-restore --noflush on the tables of a host, for the input used here; checked against the real
 * one.
 */
import { parseSavedTables } from "../../src/kernel/firewall/iptables/saved-tables.ts";

export class IptablesModel {
  #tables: Map<string, Map<string, string[]>>;

  /** @param saved text as iptables-save prints it */
  constructor(saved = "") {
    this.#tables = new Map(
      [...parseSavedTables(saved)].map(([name, { chains }]) => [
        name,
        new Map([...chains].map(([chain, rules]) => [chain, [...rules]])),
      ]),
    );
  }

  rules(table: string, chain: string): readonly string[] | null {
    return this.#tables.get(table)?.get(chain) ?? null;
  }

  save(): string {
    const lines: string[] = [];
    for (const [table, chains] of this.#tables) {
      lines.push(`*${table}`);
      for (const chain of chains.keys()) lines.push(`:${chain} ${isBuiltin(chain) ? "ACCEPT" : "-"} [0:0]`);
      for (const rules of chains.values()) lines.push(...rules);
      lines.push("COMMIT");
    }
    return `# made up\n${lines.join("\n")}\n`;
  }

  /** Atomic, as in the kernel for each table. @throws Error if the kernel would refuse it */
  restore(input: string): void {
    const draft = new IptablesModel(this.save());
    let table = "";
    for (const line of input.split("\n")) {
      if (line === "" || line === "COMMIT") continue;
      if (line.startsWith("*")) table = line.slice(1);
      else draft.#run(table, line);
    }
    this.#tables = draft.#tables;
  }

  #run(table: string, line: string): void {
    const chains = this.#table(table);
    const [, verb = "", chain = "", rest = ""] = /^(:|-\w )(\S+) ?(.*)$/.exec(line) ?? [];
    const rules = chains.get(chain);
    if (verb === ":") chains.set(chain, []);
    else if (rules === undefined) throw new Error(`no chain ${chain} for: ${line}`);
    else if (verb === "-A ") rules.push(`-A ${chain} ${rest}`);
    else if (verb === "-F ") rules.length = 0;
    else if (verb === "-X ") this.#deleteChain(chains, chain);
    else if (verb === "-D ") rules.splice(indexOf(rules, `-A ${chain} ${rest}`), 1);
    else if (verb === "-I ") {
      const [, position = "", specification = ""] = /^(\d+) (.*)$/.exec(rest) ?? [];
      if (Number(position) < 1 || Number(position) > rules.length + 1)
        throw new Error(`no place for: ${line}`);
      rules.splice(Number(position) - 1, 0, `-A ${chain} ${specification}`);
    } else throw new Error(`not understood: ${line}`);
  }

  #table(name: string): Map<string, string[]> {
    const known = this.#tables.get(name);
    if (known !== undefined) return known;
    const builtins =
      name === "nat" ? ["PREROUTING", "INPUT", "OUTPUT", "POSTROUTING"] : ["INPUT", "FORWARD", "OUTPUT"];
    const chains = new Map(builtins.map((chain) => [chain, [] as string[]]));
    this.#tables.set(name, chains);
    return chains;
  }

  #deleteChain(chains: Map<string, string[]>, chain: string): void {
    const isUsed = [...chains.values()].flat().some((rule) => rule.includes(`-j ${chain}`));
    if (isUsed || chains.get(chain)?.length !== 0) throw new Error(`chain ${chain} is in use`);
    chains.delete(chain);
  }
}

function isBuiltin(chain: string): boolean {
  return ["PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"].includes(chain);
}

function indexOf(rules: readonly string[], rule: string): number {
  const index = rules.indexOf(rule);
  if (index < 0) throw new Error(`no such rule: ${rule}`);
  return index;
}
