import type { Command } from "./command.ts";
import { EXIT } from "./exit-code.ts";

/** Defined by the build, from package.json. */
declare const TWEED_VERSION: string | undefined;

export const VERSION: string = typeof TWEED_VERSION === "string" ? TWEED_VERSION : "0.0.0-source";

/** On standard error, as flannel does. */
export const version: Command = async (_words, io) => {
  io.complain(VERSION);
  return EXIT.ok;
};
