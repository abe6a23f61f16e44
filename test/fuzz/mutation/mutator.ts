/** Makes new inputs out of known ones. The same random numbers give the same inputs. */
import type { Random } from "../../../src/runtime/random.ts";
import { type FuzzTarget, MAX_INPUT_BYTES } from "../target.ts";
import { BYTE_MUTATIONS, type Mutation, splice } from "./bytes.ts";
import { JSON_MUTATIONS } from "./json.ts";
import { LINE_MUTATIONS } from "./lines.ts";
import { COMMON_WORDS } from "./words.ts";

/**
 * The sizes of inputs, each once in so many: most mutations keep the size, and small inputs find most, as a million of them
 * takes a minute. Of a million some hundreds are as large as a target takes.
 */
const SIZES = [
  { oneIn: 2000, bytes: MAX_INPUT_BYTES },
  { oneIn: 30, bytes: 8 * 1024 },
];
/** Beyond the input that is mutated. */
const ORDINARY_GROWTH_BYTES = 512;
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
    const size = SIZES.find(({ oneIn }) => random.below(oneIn) === 0);
    const maxBytes = Math.min(this.#maxBytes, size?.bytes ?? input.length + ORDINARY_GROWTH_BYTES);
    // Half of the inputs get one mutation, a quarter two: more destroy what makes the input valid.
    for (let step = 0; step < MOST_STEPS && (step === 0 || random.below(2) === 0); step++) {
      const mutate = this.#mutations[random.below(this.#mutations.length)] as Mutation;
      input = mutate(input, { random, words: this.#words, maxBytes });
    }
    return input.length > maxBytes ? input.subarray(0, maxBytes) : input;
  }
}
