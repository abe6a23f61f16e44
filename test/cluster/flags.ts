/** Flags of the commands that start clusters: an error names the flag and the expected value. */
import { type ParseArgsConfig, parseArgs } from "node:util";
import { TweedError } from "../../src/runtime/error.ts";

type Definitions = NonNullable<ParseArgsConfig["options"]>;

export class Flags {
  readonly #command: string;

  /** @param command as typed after `npm run` */
  constructor(command: string) {
    this.#command = command;
  }

  /** @throws TweedError `usage`, which lists the existing flags */
  read<const T extends Definitions>(args: readonly string[], options: T) {
    try {
      return parseArgs({ args: [...args], options }).values;
    } catch (cause) {
      const known = Object.keys(options).map((name) => `--${name}`);
      return this.#refuse(`${(cause as Error).message}; the flags are ${known.join(", ")}`, cause);
    }
  }

  oneOf<T extends string>(flag: string, value: string, choices: readonly T[]): T {
    const chosen = choices.find((choice) => choice === value);
    return chosen ?? this.#refuse(`${flag} is ${JSON.stringify(value)}, expected ${choices.join(" or ")}`);
  }

  /** @param value some of the choices, separated by commas */
  someOf<T extends string>(flag: string, value: string, choices: readonly T[]): T[] {
    return value.split(",").map((word) => {
      const chosen = choices.find((choice) => choice === word);
      const expected = `expected some of ${choices.join(",")}`;
      return chosen ?? this.#refuse(`${flag} has ${JSON.stringify(word)}, ${expected}`);
    });
  }

  wholeNumber(flag: string, value: string, least: number, most = Number.POSITIVE_INFINITY): number {
    const number = Number(value);
    if (/^\d+$/.test(value) && number >= least && number <= most) return number;
    const range = most === Number.POSITIVE_INFINITY ? `from ${least} on` : `from ${least} to ${most}`;
    return this.#refuse(`${flag} is ${JSON.stringify(value)}, expected a whole number ${range}`);
  }

  #refuse(reason: string, cause?: unknown): never {
    throw new TweedError({
      code: "usage",
      operation: `read the options of ${this.#command}`,
      reason,
      cause,
    });
  }
}
