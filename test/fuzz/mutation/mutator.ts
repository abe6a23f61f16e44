/** Makes new inputs out of known ones. The same random numbers give the same inputs. */
import type { Random } from "../../../src/runtime/random.ts";
import { type FuzzTarget, MAX_INPUT_BYTES } from "../target.ts";
import { BYTE_MUTATIONS, type Mutation, splice } from "./bytes.ts";
import { JSON_MUTATIONS } from "./json.ts";
import { LINE_MUTATIONS } from "./lines.ts";
import { COMMON_WORDS } from "./words.ts";

/** Most mutations keep the size: a large input is made on purpose, once in this many. */
const LARGE_ONE_IN = 400;
const ORDINARY_BYTES = 8 * 1024;
const MOST_STEPS = 6;

export class Mutator {
  readonly #random: Random;
  readonly #words: readonly Uint8Array[];
  readonly #mutations: readonly Mutation[];
  readonly #maxBytes: number;

  constructor({ grammar, words, maxBytes = MAX_INPUT_BYTES }: FuzzTarget, random: Random) {
    this.#random = random;
    this.#maxBytes = maxBytes;
    this.#words = [...words, ...COMMON_WORDS].map((word) =>
      typeof word === "string" ? new Uint8Array(Buffer.from(word)) : word,
    );
    // Of a grammar twice, so that about half of the mutations keep it.
    const ofGrammar = { json: JSON_MUTATIONS, lines: LINE_MUTATIONS, bytes: [] }[grammar];
    this.#mutations = [...BYTE_MUTATIONS, ...ofGrammar, ...ofGrammar];
  }

  /** @param corpus not empty */
  next(corpus: readonly Uint8Array[]): Uint8Array {
    const random = this.#random;
    const pick = () => corpus[random.below(corpus.length)] as Uint8Array;
    let input = pick();
    if (random.below(8) === 0) input = splice(input, pick(), random);
    const isLarge = random.below(LARGE_ONE_IN) === 0;
    const maxBytes = isLarge ? this.#maxBytes : Math.min(this.#maxBytes, ORDINARY_BYTES);
    for (let steps = 1 + random.below(MOST_STEPS); steps > 0; steps--) {
      const mutate = this.#mutations[random.below(this.#mutations.length)] as Mutation;
      input = mutate(input, { random, words: this.#words, maxBytes });
    }
    return input.length > maxBytes ? input.subarray(0, maxBytes) : input;
  }
}
