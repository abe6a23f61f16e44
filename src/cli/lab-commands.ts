/** The commands of `dist/tweed-lab.cjs`, which the daemon's bundle does without. */
import type { Command } from "./command.ts";
import { runCommand } from "./run-command.ts";

const COMMANDS = {
  lab: async () => (await import("./lab.ts")).lab,
  demo: async () => (await import("./demo.ts")).demo,
  bench: async () => (await import("./bench.ts")).bench,
} satisfies Readonly<Record<string, () => Promise<Command>>>;

export type LabCommandName = keyof typeof COMMANDS;

/** Errors end here: the two bundles have a class `TweedError` each, and an instance of one is none of the other. */
export function commandOf(name: LabCommandName): Command {
  return (words, io) => runCommand(COMMANDS[name], words, io);
}
