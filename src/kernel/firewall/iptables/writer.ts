import type { Rule } from "../rule.ts";
import type { FamilyRules } from "../rule-set.ts";
import { NO_FAMILY_RULES } from "../rule-set.ts";
import type { Installation } from "./installation.ts";
import { isLegacyInUse } from "./legacy-use.ts";
import { repairText } from "./repair.ts";
import { parseSavedTables } from "./saved-tables.ts";

export interface IptablesAccess {
  /** Everything that iptables-save prints. @throws TweedError */
  save(installation: Installation, signal: AbortSignal): Promise<string>;
  /** @throws TweedError `iptables-locked`, `iptables-refused` */
  restore(installation: Installation, input: string, signal: AbortSignal): Promise<void>;
}

/** Keeps the rules of one family in one installation of iptables. */
export class IptablesWriter {
  readonly installation: Installation;
  readonly #access: IptablesAccess;
  #settledFor: FamilyRules | null = null;

  constructor(installation: Installation, access: IptablesAccess) {
    this.installation = installation;
    this.#access = access;
  }

  /** Somebody may have changed what was right: look again. */
  disturb(): void {
    this.#settledFor = null;
  }

  /** The kernel's tables that iptables-nft keeps its rules in, by their names in nftables. */
  get nftTables(): readonly string[] {
    const family = this.installation.family === "v4" ? "ip" : "ip6";
    return this.installation.kind === "nft" ? [`${family} nat`, `${family} filter`] : [];
  }

  /** Looks, and writes what differs. @returns true when something was written */
  async reconcile(wanted: FamilyRules, signal: AbortSignal): Promise<boolean> {
    const rules = this.installation.isModern ? wanted : withoutFullyRandom(wanted);
    if (this.#settledFor !== null && isSameRules(this.#settledFor, rules)) return false;
    if (isNothing(rules) && this.#hasNeverBeenUsed()) {
      this.#settledFor = rules;
      return false;
    }
    const saved = parseSavedTables(await this.#access.save(this.installation, signal));
    const input = repairText(saved, rules);
    if (input !== null) {
      // Not settled before the next look has seen it.
      this.#settledFor = null;
      await this.#access.restore(this.installation, input, signal);
      return true;
    }
    this.#settledFor = rules;
    return false;
  }

  #hasNeverBeenUsed(): boolean {
    return this.installation.kind === "legacy" && !isLegacyInUse(this.installation.family);
  }
}

function isNothing(rules: FamilyRules): boolean {
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
