/** What is usual stays so while something else only stands in for it. */
const STANDING_IN_MS = 600_000;

/** "better" takes its place at once, "equal" when it has stood in for long, "worse" never. */
export type Comparison = "same" | "better" | "equal" | "worse";

export class Habit<T> {
  readonly #compare: (usual: T, present: T) => Comparison;
  #usual: T | null = null;
  #present: T | null = null;
  #awaySinceMs: number | null = null;

  constructor(compare: (usual: T, present: T) => Comparison) {
    this.#compare = compare;
  }

  /** What to prefer, the usual one first, then what stands in for it. */
  preferred(nowMs: number): readonly T[] {
    const away = this.#awaySinceMs === null ? 0 : nowMs - this.#awaySinceMs;
    if (away >= STANDING_IN_MS && this.#present !== null && this.#usual !== null) {
      if (this.#compare(this.#usual, this.#present) !== "worse") this.#adopt(this.#present);
    }
    return [this.#usual, this.#present].filter((each) => each !== null);
  }

  /** @param present what was chosen now */
  see(present: T, nowMs: number): void {
    const usual = this.#usual;
    const found = usual === null ? "better" : this.#compare(usual, present);
    if (found === "better") this.#adopt(present);
    else if (found === "same") this.#adopt(usual);
    else {
      this.#present = present;
      this.#awaySinceMs ??= nowMs;
    }
  }

  #adopt(usual: T | null): void {
    this.#usual = usual;
    this.#present = null;
    this.#awaySinceMs = null;
  }
}
