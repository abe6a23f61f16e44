/**
 * The readiness of the node as named conditions: each holds, or has a reason why it does not. A condition may fail
 * again at any time, and the node is then no longer ready.
 */
export class Readiness<Condition extends string> {
  readonly #reasons: Map<Condition, string | null>;
  readonly #onChange: (reasons: readonly string[]) => void;

  /**
   * @param initial the reason why each condition does not hold yet, in the order in which they are reported; an absent
   *   condition holds
   * @param onChange called with all reasons whenever one of them came, went or changed
   */
  constructor(
    initial: Readonly<Partial<Record<Condition, string>>>,
    onChange: (reasons: readonly string[]) => void = () => {},
  ) {
    this.#reasons = new Map(Object.entries(initial) as [Condition, string][]);
    this.#onChange = onChange;
  }

  /** Every condition so far, with the reason why it does not hold, or null. */
  conditions(): Readonly<Partial<Record<Condition, string | null>>> {
    return Object.fromEntries(this.#reasons) as Partial<Record<Condition, string | null>>;
  }

  /** Empty when the node is ready. */
  reasons(): readonly string[] {
    return [...this.#reasons.values()].filter((reason) => reason !== null);
  }

  isReady(): boolean {
    return this.reasons().length === 0;
  }

  holds(condition: Condition): void {
    this.#put(condition, null);
  }

  fails(condition: Condition, reason: string): void {
    this.#put(condition, reason);
  }

  /** @param reason why the condition does not hold; null when it does */
  report(condition: Condition, reason: string | null): void {
    if (reason === null) this.holds(condition);
    else this.fails(condition, reason);
  }

  #put(condition: Condition, reason: string | null): void {
    if (this.#reasons.get(condition) === reason) return;
    this.#reasons.set(condition, reason);
    this.#onChange(this.reasons());
  }
}
