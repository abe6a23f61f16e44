/** Runs one target on many inputs, and follows those that reach something new. */
import type { Random } from "../../../src/runtime/random.ts";
import type { Corpus } from "../corpus.ts";
import { Mutator } from "../mutation/mutator.ts";
import { type FuzzTarget, runTarget } from "../target.ts";
import { signatureOf } from "./failure.ts";
import { minimise } from "./minimise.ts";
import { Slowest } from "./slowest.ts";

/** What guides the search: coverage by V8, or nothing where only the features of a target do. */
export interface Guide {
  discard(): void;
  sample(keep: boolean): boolean;
  blocks(): { readonly covered: number; readonly known: number };
}

/** Samples are dear: the batch between two grows while nothing new is found. */
const BATCH = { first: 256, most: 8192 };
/** Bytes that a batch may hold, since its inputs are kept until it is sampled. */
const BATCH_BYTES = 32 * 1024 * 1024;
const MAX_FAILURES = 20;
const MAX_POPULATION = 4000;
/** Frames of a stack: refused inputs are errors too, and to record ten frames takes as long as to read the input. */
const FRAMES = { search: 3, failure: 10 };

export interface SearchOptions {
  readonly inputs: number;
  /** Ends the search before all inputs; infinite for no limit. */
  readonly seconds: number;
  readonly random: Random;
  readonly guide: Guide;
  /** Called before each input. */
  onInput(input: Uint8Array): void;
  onProgress(inputs: number): void;
}

export interface Failure {
  readonly signature: string;
  readonly stack: string;
  readonly input: Uint8Array;
  /** null when it was too large to save. */
  readonly path: string | null;
}

export interface SearchReport {
  readonly target: string;
  readonly inputs: number;
  readonly blocks: { readonly covered: number; readonly known: number };
  readonly newFiles: number;
  readonly files: number;
  /** The slowest first. */
  readonly slow: readonly Uint8Array[];
  readonly failures: readonly Failure[];
}

export class Search {
  readonly #target: FuzzTarget;
  readonly #corpus: Corpus;
  readonly #options: SearchOptions;
  readonly #mutator: Mutator;
  readonly #population: Uint8Array[] = [];
  readonly #features = new Set<string>();
  readonly #slowest: Slowest;
  readonly #failures = new Map<string, Failure>();
  #newFiles = 0;

  constructor(target: FuzzTarget, corpus: Corpus, options: SearchOptions) {
    this.#target = target;
    this.#corpus = corpus;
    this.#options = options;
    this.#slowest = new Slowest(target);
    this.#mutator = new Mutator(target, options.random);
  }

  async run(): Promise<SearchReport> {
    const { inputs, seconds, guide, onProgress } = this.#options;
    Error.stackTraceLimit = FRAMES.search;
    await this.#begin();
    const endMs = performance.now() + seconds * 1000;
    let batchSize = BATCH.first;
    let done = 0;
    while (done < inputs && performance.now() < endMs) {
      const batch: Uint8Array[] = [];
      for (let bytes = 0; batch.length < batchSize && done < inputs && bytes < BATCH_BYTES; done++) {
        const input = this.#mutator.next(this.#population);
        bytes += input.length;
        batch.push(input);
        if (await this.#execute(input)) this.#keep(input);
      }
      const hasNew = guide.sample(false);
      if (hasNew) await this.#findNew(batch);
      batchSize = hasNew ? BATCH.first : Math.min(BATCH.most, batchSize * 2);
      onProgress(done);
    }
    return {
      target: this.#target.name,
      inputs: done,
      blocks: guide.blocks(),
      slow: this.#slowest.inputs(),
      newFiles: this.#newFiles,
      files: this.#corpus.size,
      failures: [...this.#failures.values()],
    };
  }

  /** Seeds and corpus are all kept: they are few, and each was new once. */
  async #begin(): Promise<void> {
    for (const input of [...this.#target.seeds, ...this.#corpus.inputs()]) {
      await this.#execute(input);
      this.#population.push(input);
    }
    this.#options.guide.sample(true);
  }

  /** Halves a batch until the inputs are found that reach something new. */
  async #findNew(batch: readonly Uint8Array[]): Promise<void> {
    const { guide } = this.#options;
    const middle = batch.length >> 1;
    for (const half of middle === 0 ? [batch] : [batch.slice(0, middle), batch.slice(middle)]) {
      guide.discard();
      for (const input of half) await this.#execute(input);
      const [only] = half;
      if (half.length > 1) {
        if (guide.sample(false)) await this.#findNew(half);
      } else if (only !== undefined && guide.sample(true)) {
        this.#keep(only);
      }
    }
  }

  #keep(input: Uint8Array): void {
    if (this.#population.length < MAX_POPULATION) this.#population.push(input.slice());
    if (this.#corpus.add(input)) this.#newFiles += 1;
  }

  /** @returns true when it reached a new feature */
  async #execute(input: Uint8Array): Promise<boolean> {
    this.#options.onInput(input);
    const startedMs = performance.now();
    let isNew = false;
    try {
      for (const feature of (await runTarget(this.#target, input)) ?? []) {
        if (this.#features.has(feature)) continue;
        this.#features.add(feature);
        isNew = true;
      }
    } catch (error) {
      await this.#fail(input, error);
    }
    await this.#slowest.add(input, performance.now() - startedMs);
    return isNew;
  }

  async #fail(input: Uint8Array, error: unknown): Promise<void> {
    const signature = signatureOf(error);
    if (this.#failures.has(signature) || this.#failures.size >= MAX_FAILURES) return;
    const failureOf = (each: Uint8Array): Promise<unknown> => {
      this.#options.onInput(each);
      return runTarget(this.#target, each).then(
        () => null,
        (thrown: unknown) => thrown,
      );
    };
    const smallest = await minimise(input, async (shorter) => {
      const thrown = await failureOf(shorter);
      return thrown !== null && signatureOf(thrown) === signature;
    });
    const path = this.#corpus.addFailure(smallest);
    Error.stackTraceLimit = FRAMES.failure;
    const again = (await failureOf(smallest)) ?? error;
    Error.stackTraceLimit = FRAMES.search;
    const stack = again instanceof Error ? (again.stack ?? again.message) : String(again);
    this.#failures.set(signature, { signature, stack, input: smallest, path });
  }
}
