import type { Io } from "./io.ts";

/** Takes the words behind the command's name; the number is the exit code. */
export type Command = (words: readonly string[], io: Io) => Promise<number>;
