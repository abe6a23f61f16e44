/** Parses commands in the usual GNU style with commander; only `run` has flannel's syntax instead. */
import { Command, CommanderError } from "commander";
import { TweedError } from "../runtime/error.ts";
import { EXIT } from "./exit-code.ts";
import type { Io } from "./io.ts";

export class CommandLine {
  readonly #program: Command;
  readonly #io: Io;
  #exitCode: number = EXIT.ok;

  constructor(name: string, summary: string, io: Io) {
    this.#io = io;
    this.#program = new Command(`tweed ${name}`).description(summary);
    this.#adopt(this.#program);
  }

  /** Adds a subcommand; with "" it returns this command itself. The caller adds flags and an action. */
  command(name: string, summary: string): Command {
    return this.#adopt(name === "" ? this.#program : this.#program.command(name).description(summary));
  }

  /** Wraps an action so that the number it returns becomes the exit code. */
  exitWith<Args extends unknown[]>(
    action: (...args: Args) => Promise<number>,
  ): (...args: Args) => Promise<void> {
    return async (...args) => {
      this.#exitCode = await action(...args);
    };
  }

  async run(words: readonly string[]): Promise<number> {
    try {
      await this.#program.parseAsync([...words], { from: "user" });
      return this.#exitCode;
    } catch (error) {
      // Commander has printed its help or the error.
      if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
      throw error;
    }
  }

  #adopt(command: Command): Command {
    return command.exitOverride().configureOutput({
      writeOut: (text) => this.#io.say(text.trimEnd()),
      writeErr: (text) => this.#io.complain(text.trimEnd()),
    });
  }
}

/** Reads a whole number. @throws TweedError `usage` */
export function wholeNumber(flag: string, min: number, max: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (/^\d+$/.test(text) && value >= min && value <= max) return value;
    throw new TweedError({
      code: "usage",
      operation: `read ${flag}`,
      reason: `${JSON.stringify(text)} is not a whole number from ${min} to ${max}`,
    });
  };
}
