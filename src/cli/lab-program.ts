import { TweedError } from "../runtime/error.ts";
import type { Command } from "./command.ts";
import type { LabCommandName } from "./lab-commands.ts";

/**
 * A command of `dist/tweed-lab.cjs`: build.mjs bundles lab-commands.ts into that file, and the main bundle loads it
 * from its own directory. @throws TweedError `program-missing`
 */
export async function labCommand(name: LabCommandName): Promise<Command> {
  try {
    return (await import("./lab-commands.ts")).commandOf(name);
  } catch (cause) {
    if (!isMissing(cause)) throw cause;
    throw new TweedError({
      code: "program-missing",
      operation: `load the command ${name}`,
      reason: "tweed-lab.cjs is not beside tweed.cjs: copy it there from dist/ of the same build",
      cause,
    });
  }
}

function isMissing(error: unknown): boolean {
  if (!(error instanceof Error && "code" in error)) return false;
  return /^(?:ERR_)?MODULE_NOT_FOUND$/.test(String(error.code)) && error.message.includes("tweed-lab.cjs");
}
