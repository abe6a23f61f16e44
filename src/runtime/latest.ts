/**
 * A channel that holds only the newest value: a slow reader skips older ones. It carries snapshots, so that a burst
 * of changes costs one pass and not one each.
 */
export class Latest<T> {
  #value: { readonly item: T } | null = null;
  #wake: (() => void) | null = null;

  put(item: T): void {
    this.#value = { item };
    this.#wake?.();
  }

  /** Resolves with the newest value not taken yet; rejects with the signal's reason when it aborts. */
  async take(signal: AbortSignal): Promise<T> {
    for (;;) {
      signal.throwIfAborted();
      const value = this.#value;
      if (value !== null) {
        this.#value = null;
        return value.item;
      }
      await new Promise<void>((resolve) => {
        const done = () => {
          signal.removeEventListener("abort", done);
          this.#wake = null;
          resolve();
        };
        this.#wake = done;
        signal.addEventListener("abort", done, { once: true });
      });
    }
  }
}
