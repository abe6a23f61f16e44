import type { Rule } from "../rule.ts";
import type { FamilyRules } from "../rule-set.ts";
import { NO_FAMILY_RULES } from "../rule-set.ts";
import type { Installation } from "./installation.ts";
import { isLegacyInUse } from "./legacy-use.ts";
import { repairText } from "./repair.ts";
import { parseSavedTables } from "./saved-tables.ts";

export interface IptablesAccess {
  /** The output of iptables-save. @throws TweedError */
  save(installation: Installation, signal: AbortSignal): Promise<string>;
  /** @throws TweedError `iptables-locked`, `iptables-refused` */
  restore(installation: Installation, input: string, signal: AbortSignal): Promise<void>;
}

/** Writes the rules of one family with one installation of iptables. */
export class IptablesWriter {
  readonly installation: Installation;
  readonly #access: IptablesAccess;
  #inPlace: FamilyRules | null = null;

  constructor(installation: Installation, access: IptablesAccess) {
    this.installation = installation;
    this.#access = access;
  }

  /** Another program may have changed the rules, so the next {@link reconcile} reads them. */
  invalidate(): void {
    this.#inPlace = null;
  }

  /** The tables with the rules of iptables-nft, by their names in nftables. */
  get nftTables(): readonly string[] {
    const family = this.installation.family === "v4" ? "ip" : "ip6";
    return this.installation.kind === "nft" ? [`${family} nat`, `${family} filter`] : [];
  }

  /** Reads the rules and writes the differences. @returns true when something was written */
  async reconcile(wanted: FamilyRules, signal: AbortSignal): Promise<boolean> {
    const rules = this.installation.isModern ? wanted : withoutFullyRandom(wanted);
    if (this.#inPlace !== null && isSameRules(this.#inPlace, rules)) return false;
    if (isEmpty(rules) && this.#hasNeverBeenUsed()) {
      this.#inPlace = rules;
      return false;
    }
    const saved = parseSavedTables(await this.#access.save(this.installation, signal));
    const input = repairText(saved, rules);
    if (input !== null) {
      // Not in place until the next read confirms it.
      this.#inPlace = null;
      await this.#access.restore(this.installation, input, signal);
      return true;
    }
    this.#inPlace = rules;
    return false;
  }

  #hasNeverBeenUsed(): boolean {
    return this.installation.kind === "legacy" && !isLegacyInUse(this.installation.family);
  }
}

function isEmpty(rules: FamilyRules): boolean {
  return isSameRules(rules, NO_FAMILY_RULES);
}

function isSameRules(a: FamilyRules, b: FamilyRules): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

function withoutFullyRandom({ masquerade, forward }: FamilyRules): FamilyRules {
  const plain = (rule: Rule): Rule =>
    rule.verdict === "masquerade-fully-random" ? { ...rule, verdict: "masquerade" } : rule;
  return { masquerade: masquerade?.map(plain) ?? null, forward };
}
