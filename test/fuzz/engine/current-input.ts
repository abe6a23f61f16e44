/** The input that is being run, where another thread can see it: of one that never ends, or takes all memory. */
import { MAX_INPUT_BYTES } from "../target.ts";

/** A counter of inputs, and the length of the present one. */
const HEADER_BYTES = 8;

export class CurrentInput {
  readonly shared: SharedArrayBuffer;
  readonly #header: Int32Array;
  readonly #bytes: Uint8Array;

  constructor(shared = new SharedArrayBuffer(HEADER_BYTES + MAX_INPUT_BYTES)) {
    this.shared = shared;
    this.#header = new Int32Array(shared, 0, 2);
    this.#bytes = new Uint8Array(shared, HEADER_BYTES);
  }

  put(input: Uint8Array): void {
    Atomics.add(this.#header, 0, 1);
    Atomics.store(this.#header, 1, input.length);
    this.#bytes.set(input);
  }

  /** Differs for each input. */
  get number(): number {
    return Atomics.load(this.#header, 0);
  }

  copy(): Uint8Array {
    return this.#bytes.slice(0, Atomics.load(this.#header, 1));
  }
}
