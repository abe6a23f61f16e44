import { Deferred } from "./deferred.ts";

/** The body of an answer as the client reads it: what has arrived, then its end or the error of a broken connection. */
export class ResponseBody implements AsyncIterableIterator<Buffer> {
  readonly #onDestroy: () => void;
  readonly #arrived: Buffer[] = [];
  #end: { readonly error: Error | null } | null = null;
  #reader: Deferred<IteratorResult<Buffer>> | null = null;

  constructor(onDestroy: () => void) {
    this.#onDestroy = onDestroy;
  }

  push(chunk: Buffer): void {
    if (this.#end !== null) return;
    this.#arrived.push(chunk);
    this.#feed();
  }

  /** What has arrived is still read before the end, but not before an error. */
  finish(error: Error | null): void {
    if (this.#end !== null) return;
    this.#end = { error };
    if (error !== null) this.#arrived.length = 0;
    this.#feed();
  }

  next(): Promise<IteratorResult<Buffer>> {
    const reader = new Deferred<IteratorResult<Buffer>>();
    this.#reader = reader;
    this.#feed();
    return reader.promise;
  }

  async return(): Promise<IteratorResult<Buffer>> {
    this.#onDestroy();
    return { done: true, value: undefined };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  #feed(): void {
    const reader = this.#reader;
    if (reader === null) return;
    const chunk = this.#arrived.shift();
    if (chunk === undefined && this.#end === null) return;
    this.#reader = null;
    if (chunk !== undefined) reader.resolve({ done: false, value: chunk });
    else if (this.#end?.error != null) reader.reject(this.#end.error);
    else reader.resolve({ done: true, value: undefined });
  }
}
