import type { Io } from "./io.ts";

/** @param words the arguments after the command's name. @returns the exit code */
export type Command = (words: readonly string[], io: Io) => Promise<number>;
