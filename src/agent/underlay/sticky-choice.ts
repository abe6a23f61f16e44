/** An equal replacement becomes the established choice after this long. */
const ADOPTION_DELAY_MS = 600_000;

/** A current choice that is "better" is adopted at once, "equal" after {@link ADOPTION_DELAY_MS}, "worse" never. */
export type Comparison = "same" | "better" | "equal" | "worse";

/** An established choice that temporary replacements do not displace. */
export class StickyChoice<T> {
  readonly #compare: (established: T, current: T) => Comparison;
  #established: T | null = null;
  #replacement: T | null = null;
  #replacedSinceMs: number | null = null;

  constructor(compare: (established: T, current: T) => Comparison) {
    this.#compare = compare;
  }

  /** The established choice first, then its present replacement. */
  preferred(nowMs: number): readonly T[] {
    const replacedForMs = this.#replacedSinceMs === null ? 0 : nowMs - this.#replacedSinceMs;
    if (replacedForMs >= ADOPTION_DELAY_MS && this.#replacement !== null && this.#established !== null) {
      if (this.#compare(this.#established, this.#replacement) !== "worse") this.#adopt(this.#replacement);
    }
    return [this.#established, this.#replacement].filter((each) => each !== null);
  }

  /** @param current the choice that has just been made */
  record(current: T, nowMs: number): void {
    const established = this.#established;
    const found = established === null ? "better" : this.#compare(established, current);
    if (found === "better") this.#adopt(current);
    else if (found === "same") this.#adopt(established);
    else {
      this.#replacement = current;
      this.#replacedSinceMs ??= nowMs;
    }
  }

  #adopt(established: T | null): void {
    this.#established = established;
    this.#replacement = null;
    this.#replacedSinceMs = null;
  }
}
