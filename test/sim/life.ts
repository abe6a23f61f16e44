/**
 * One run of a daemon, from its start to its end. A killed process executes nothing more: every later step waits for
 * ever, so no error handler or `finally` of it runs, and the code is collected as garbage.
 */
export class Life {
  #steps = 0;
  #killedAt = Number.POSITIVE_INFINITY;
  #isOver = false;
  readonly #listeners = new Set<() => void>();
  /** Calls that wait for the end of a pause, in order; null while the process runs. */
  #waiting: (() => void)[] | null = null;

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
    return this.#waiting === null ? DONE : this.#resumed();
  }

  /** As {@link step}, for the result of a call: it reaches nobody if the daemon was killed meanwhile. */
  async result<T>(call: Promise<T>): Promise<T> {
    try {
      const value = await call;
      await this.#resumed();
      return value;
    } catch (error) {
      await this.#resumed();
      throw error;
    }
  }

  /** A callback that is dropped once the daemon has ended. */
  guarded<A extends readonly unknown[]>(callback: (...args: A) => void): (...args: A) => void {
    const call = (...args: A): void => {
      if (this.#isOver) return;
      if (this.#waiting === null) callback(...args);
      else this.#waiting.push(() => call(...args));
    };
    return call;
  }

  get isPaused(): boolean {
    return this.#waiting !== null;
  }

  /** As by SIGSTOP: nothing of it runs, its connections stay, and what arrives waits. */
  pause(): void {
    this.#waiting ??= [];
  }

  resume(): void {
    const waiting = this.#waiting ?? [];
    this.#waiting = null;
    for (const call of waiting) call();
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

  #resumed(): Promise<void> {
    if (this.#isOver) return never();
    const waiting = this.#waiting;
    if (waiting === null) return DONE;
    return new Promise<void>((resolve) => waiting.push(resolve)).then(() => this.#resumed());
  }
}

const DONE = Promise.resolve();

/** A new one each time: a pending promise retains all that wait for it. */
function never(): Promise<never> {
  return new Promise(() => {});
}
