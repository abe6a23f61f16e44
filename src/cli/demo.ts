import { DEMO_ACTS } from "../lab/demo.ts";
import { Lab } from "../lab/lab.ts";
import { requirePrograms } from "../lab/requirements.ts";
import { checkLabName } from "../lab/topology.ts";
import { messageOf } from "../runtime/error.ts";
import type { Command } from "./command.ts";
import { CommandLine } from "./command-line.ts";
import { EXIT } from "./exit-code.ts";
import type { Io } from "./io.ts";
import { requireRoot } from "./root.ts";

/** Ends with the line `demo: ok`, or with the failure and exit code 1. */
export const demo: Command = (words, io) => {
  const line = new CommandLine("demo", "show a lab of three nodes that is damaged and heals", io);
  line
    .command("", "")
    .option("--name <name>", "distinguishes demos that run at the same time", "demo")
    .action(line.exitWith(({ name }: { name: string }) => play(name, io)));
  return line.run(words);
};

async function play(name: string, io: Io): Promise<number> {
  checkLabName(name);
  requireRoot("show the demo");
  try {
    await requirePrograms(["ip", "nft"], io.say);
    io.say("# three nodes, each a network namespace with a daemon of its own: VXLAN, leases in a directory");
    const lab = await Lab.up(
      { name, nodes: 3, backend: { Type: "vxlan" }, store: "file", families: "v4" },
      { tweed: io.self, extraFlags: [] },
    );
    for (const act of DEMO_ACTS) {
      io.signal.throwIfAborted();
      io.say(`\n# ${act.title}`);
      io.say(await act.play(lab));
    }
    io.say("");
  } catch (error) {
    io.say(`demo: failed: ${messageOf(error)}`);
    return EXIT.failed;
  } finally {
    await Lab.down(name);
  }
  io.say("demo: ok");
  return EXIT.ok;
}
