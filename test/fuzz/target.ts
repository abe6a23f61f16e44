/** One way by which bytes of other origin get into the daemon. */
import { TweedError } from "../../src/runtime/error.ts";

export const MAX_INPUT_BYTES = 256 * 1024;

/** How inputs are mutated, beside their bytes: values of JSON, or lines of text. */
export type Grammar = "json" | "lines" | "bytes";

export interface FuzzTarget {
  readonly name: string;
  readonly grammar: Grammar;
  /** Where mutation starts; the corpus has more. */
  readonly seeds: readonly Uint8Array[];
  /** Tokens that the code under test looks for. */
  readonly words: readonly (string | Uint8Array)[];
  /** Codes of the errors that its callers handle; any other failure is a fault. */
  readonly refusals: RegExp;
  /**
   * Where an input holds what several peers write, such as leases: inputs with that of one peer each. The times of those
   * are measured, as a daemon takes longer for more leases. By default that is the whole input.
   */
  parts?(input: Uint8Array): readonly Uint8Array[];
  /** The longest input; the default is {@link MAX_INPUT_BYTES}. */
  readonly maxBytes?: number;
  /**
   * Returns or throws a refusal; any other failure is a fault, also a violated invariant that it checks itself.
   * Deterministic, and without effects on later inputs. Where the code under test is no JavaScript, it returns the
   * features that the input has reached, which guide the search in place of coverage.
   */
  run(input: Uint8Array): Result | Promise<Result>;
}

type Result = undefined | readonly string[];

export const NEVER = /^\b$/;

/** Throws what a caller would not handle. */
export async function runTarget(target: FuzzTarget, input: Uint8Array): Promise<Result> {
  try {
    const result = target.run(input);
    return result instanceof Promise ? await result : result;
  } catch (error) {
    if (error instanceof TweedError && target.refusals.test(error.code)) return undefined;
    throw error;
  } finally {
    refusePollution();
  }
}

/** The built-in prototypes have no enumerable properties. */
function refusePollution(): void {
  for (const key in {}) {
    Reflect.deleteProperty(Object.prototype, key);
    throw new Error(`Object.prototype has the property ${key}`);
  }
}

/** Fails unless `holds`. */
export function invariant(holds: boolean, rule: string): asserts holds {
  if (!holds) throw new Error(`invariant: ${rule}`);
}

/** Bytes as every reader of text in the daemon decodes them. */
export function textOf(input: Uint8Array): string {
  return Buffer.from(input.buffer, input.byteOffset, input.byteLength).toString();
}

export function bytesOf(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text));
}
