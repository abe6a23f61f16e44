/**
 * One run of a daemon, from its start to its end. A killed process executes nothing more: every later step waits for
 * ever, so no error handler or `finally` of it runs, and the code is collected as garbage.
 */
export class Life {
  #steps = 0;
  #killedAt = Number.POSITIVE_INFINITY;
  #isOver = false;
  readonly #listeners = new Set<() => void>();

  /** The number of steps so far: calls to kernel, files and store. */
  get steps(): number {
    return this.#steps;
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** To be awaited before each call takes effect. Never settles once the daemon was killed. */
  step(): Promise<void> {
    if (!this.#isOver && this.#steps >= this.#killedAt) this.end();
    if (this.#isOver) return never();
    this.#steps += 1;
    return DONE;
  }

  /** As {@link step}, for the result of a call: it reaches nobody if the daemon was killed meanwhile. */
  async result<T>(call: Promise<T>): Promise<T> {
    try {
      const value = await call;
      return this.#isOver ? await never() : value;
    } catch (error) {
      if (this.#isOver) await never();
      throw error;
    }
  }

  /** A callback that is dropped once the daemon has ended. */
  guarded<A extends readonly unknown[]>(callback: (...args: A) => void): (...args: A) => void {
    return (...args) => {
      if (!this.#isOver) callback(...args);
    };
  }

  /** Kills the daemon after this many more steps. */
  killAfter(steps: number): void {
    this.#killedAt = this.#steps + steps;
  }

  /** The process is gone: the kernel closes its sockets, files and watches. */
  end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    for (const listener of this.#listeners) listener();
    this.#listeners.clear();
  }

  /** @returns a function that removes the listener */
  onEnd(listener: () => void): () => void {
    if (this.#isOver) listener();
    else this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}

const DONE = Promise.resolve();

/** A new one each time: a pending promise retains all that wait for it. */
function never(): Promise<never> {
  return new Promise(() => {});
}
