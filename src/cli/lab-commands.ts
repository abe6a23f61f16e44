/** The commands of `dist/tweed-lab.cjs`, which are not in the daemon's bundle. */
import type { Command } from "./command.ts";
import { runCommand } from "./run-command.ts";

const COMMANDS = {
  lab: async () => (await import("./lab.ts")).lab,
  demo: async () => (await import("./demo.ts")).demo,
  bench: async () => (await import("./bench.ts")).bench,
} satisfies Readonly<Record<string, () => Promise<Command>>>;

export type LabCommandName = keyof typeof COMMANDS;

/** Errors are handled here: each bundle has its own class `TweedError`, so `instanceof` fails across them. */
export function commandOf(name: LabCommandName): Command {
  return (words, io) => runCommand(COMMANDS[name], words, io);
}
