import type { Command } from "./command.ts";
import { EXIT } from "./exit-code.ts";
import { type Io, withPrintableLines } from "./io.ts";
import { labCommand } from "./lab-program.ts";
import { runCommand } from "./run-command.ts";

interface CommandEntry {
  readonly summary: string;
  /** Loads the command only when it is called, so that each start loads one. */
  readonly load: () => Promise<Command>;
}

const COMMANDS: Readonly<Record<string, CommandEntry>> = {
  run: {
    summary: "run the daemon of this node (what `flanneld` does)",
    load: async () => (await import("./run.ts")).runDaemon,
  },
  ready: {
    summary: "ask the daemon on this host whether it is ready",
    load: async () => (await import("./ready.ts")).ready,
  },
  cleanup: {
    summary: "remove what Tweed owns on this host, and nothing else",
    load: async () => (await import("./cleanup.ts")).cleanup,
  },
  store: {
    summary: "list or release leases, or write the network configuration to the store",
    load: async () => (await import("./store.ts")).store,
  },
  probe: {
    summary: "ping many addresses at a fixed rate and count what is lost",
    load: async () => (await import("./probe.ts")).probeCommand,
  },
  lab: {
    summary: "several nodes on this machine, as network namespaces",
    load: () => labCommand("lab"),
  },
  demo: {
    summary: "show a lab of three nodes that is damaged and heals",
    load: () => labCommand("demo"),
  },
  bench: {
    summary: "compare encapsulation modes, with a report",
    load: () => labCommand("bench"),
  },
  version: {
    summary: "print the version",
    load: async () => (await import("./version.ts")).version,
  },
};

/** @param program the name under which the process was started; `flanneld` is `tweed run` */
export async function runCommandLine(program: string, words: readonly string[], rawIo: Io): Promise<number> {
  const io = withPrintableLines(rawIo);
  const [name, ...rest] = program === "flanneld" ? ["run", ...words] : words;
  if (name === undefined || name === "help" || name === "--help" || name === "-h") {
    (name === undefined ? io.complain : io.say)(usage());
    return name === undefined ? EXIT.usage : EXIT.ok;
  }
  const word = name === "--version" ? "version" : name;
  // Every object inherits properties: "constructor", "__proto__".
  const entry = Object.hasOwn(COMMANDS, word) ? COMMANDS[word] : undefined;
  if (entry === undefined) {
    io.complain(`tweed: ${JSON.stringify(name)} is not a command\n${usage()}`);
    return EXIT.usage;
  }
  return runCommand(entry.load, rest, io);
}

function usage(): string {
  const width = Math.max(...Object.keys(COMMANDS).map((name) => name.length));
  const lines = Object.entries(COMMANDS).map(([name, { summary }]) => `  ${name.padEnd(width)}  ${summary}`);
  return ["usage: tweed COMMAND [flags]", "", ...lines, "", "tweed COMMAND --help lists its flags."].join(
    "\n",
  );
}
