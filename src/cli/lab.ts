import type { DaemonProgram } from "../lab/daemon.ts";
import { Lab } from "../lab/lab.ts";
import { describeMesh } from "../lab/mesh.ts";
import { type RequiredProgram, requirePrograms } from "../lab/requirements.ts";
import { checkLabName, type LabFamilies, type LabSpec } from "../lab/topology.ts";
import { TweedError } from "../runtime/error.ts";
import type { JsonObject } from "../runtime/json.ts";
import { isJsonObject } from "../runtime/json.ts";
import type { Command } from "./command.ts";
import { CommandLine, wholeNumber } from "./command-line.ts";
import { EXIT } from "./exit-code.ts";
import { requireRoot } from "./root.ts";

interface UpFlags {
  readonly name: string;
  readonly nodes: number;
  readonly backend: string;
  readonly backendOptions: JsonObject;
  readonly store: LabSpec["store"];
  readonly families: LabFamilies;
  readonly daemonFlag: readonly string[];
}

const STORES: readonly LabSpec["store"][] = ["file", "etcd", "kubernetes"];
/** Programs that run the store of a lab, make its certificates and create pods. */
const STORE_PROGRAMS: Readonly<Record<LabSpec["store"], readonly RequiredProgram[]>> = {
  file: [],
  etcd: ["etcd"],
  kubernetes: ["openssl", "/usr/lib/cni/bridge"],
};
const FAMILY_CHOICES: readonly LabFamilies[] = ["v4", "v6", "dual"];

export const lab: Command = (words, io) => {
  const line = new CommandLine("lab", "several nodes on this machine, as network namespaces", io);
  const name = ["--name <name>", "distinguishes labs that run at the same time", "lab"] as const;

  line
    .command("up", "build the lab, replacing an earlier one of that name")
    .option(...name)
    .option("--nodes <n>", "how many", wholeNumber("--nodes", 1, 200), 3)
    .option("--backend <type>", "Backend.Type of the network configuration", "vxlan")
    .option("--backend-options <json>", "further keys of Backend, as a JSON object", readJsonObject, {})
    .option("--store <kind>", `where leases live: ${STORES.join(", ")}`, oneOf("--store", STORES), "file")
    .option(
      "--families <which>",
      `address families: ${FAMILY_CHOICES.join(", ")}`,
      oneOf("--families", FAMILY_CHOICES),
      "v4",
    )
    .option(
      "--daemon-flag <[node:]flag>",
      "a flag for every daemon, or for one: --daemon-flag node2:--udp-offload=off; may be repeated",
      (text: string, earlier: readonly string[]) => [...earlier, text],
      [],
    )
    .action(
      line.exitWith(async (flags: UpFlags) => {
        checkLabName(flags.name);
        requireRoot("build a lab");
        await requirePrograms(["ip", "nft", ...STORE_PROGRAMS[flags.store]], io.complain);
        const { name, nodes, store, families } = flags;
        const backend = { Type: flags.backend, ...flags.backendOptions };
        const built = await Lab.up(
          { name, nodes, store, families, backend },
          { tweed: io.self, ...readDaemonFlags(flags.daemonFlag, nodes) },
        );
        for (const node of built.nodes) {
          const ips = await built.podIps(node);
          const addresses = [ips.v4, ips.v6].filter((ip) => ip !== null).join(" ");
          io.say(
            `${node.name} in ${node.namespace}, ${node.podName} in ${node.podNamespace} at ${addresses}`,
          );
        }
        return EXIT.ok;
      }),
    );

  line
    .command("exec", "run a command on a node or in its pod: lab exec pod1 -- ip address")
    .option(...name)
    .argument("<place>", "node1, pod1, node2, …")
    .argument("<command...>", "behind --")
    .action(
      line.exitWith(async (place: string, command: string[], flags: { name: string }) => {
        checkLabName(flags.name);
        requireRoot("run a command in a lab");
        const result = await (await Lab.open(flags.name)).exec(place, command);
        io.relay(result);
        return result.exitCode;
      }),
    );

  line
    .command("ping", "every pod to every other pod, and every node to every pod")
    .option(...name)
    .option("--count <n>", "pings for each pair", wholeNumber("--count", 1, 1e6), 5)
    .option("--interval-ms <n>", "time between them", wholeNumber("--interval-ms", 1, 60_000), 50)
    .option("--json", "print JSON")
    .action(
      line.exitWith(async (flags: { name: string; count: number; intervalMs: number; json?: true }) => {
        checkLabName(flags.name);
        requireRoot("ping in a lab");
        const mesh = await (await Lab.open(flags.name)).ping(flags);
        io.say(flags.json ? JSON.stringify(mesh) : describeMesh(mesh));
        return mesh.lost === 0 ? EXIT.ok : EXIT.failed;
      }),
    );

  line
    .command("down", "end the daemons and remove all that the lab made")
    .option(...name)
    .action(
      line.exitWith(async (flags: { name: string }) => {
        checkLabName(flags.name);
        requireRoot("remove a lab");
        await Lab.down(flags.name);
        return EXIT.ok;
      }),
    );

  return line.run(words);
};

function oneOf<T extends string>(flag: string, choices: readonly T[]): (text: string) => T {
  return (text) => {
    const choice = choices.find((each) => each === text);
    if (choice !== undefined) return choice;
    throw new TweedError({
      code: "usage",
      operation: `read ${flag}`,
      reason: `${JSON.stringify(text)} is none of ${choices.join(", ")}`,
    });
  };
}

/** @throws TweedError `usage` for a node that does not exist, and for a text that is not a flag */
function readDaemonFlags(
  texts: readonly string[],
  nodes: number,
): Required<Pick<DaemonProgram, "extraFlags" | "nodeFlags">> {
  const extraFlags: string[] = [];
  const nodeFlags: Record<string, string[]> = {};
  for (const text of texts) {
    const [, name, number, flag = ""] = /^(?:(node(\d+)):)?(-.*)$/.exec(text) ?? [];
    if (flag === "" || (number !== undefined && !(Number(number) >= 1 && Number(number) <= nodes))) {
      throw new TweedError({
        code: "usage",
        operation: "read --daemon-flag",
        reason: `${JSON.stringify(text)} is neither a flag nor one for node1 to node${nodes}, for example node2:--udp-offload=off`,
      });
    }
    if (name === undefined) extraFlags.push(flag);
    else nodeFlags[name] = [...(nodeFlags[name] ?? []), flag];
  }
  return { extraFlags, nodeFlags };
}

function readJsonObject(text: string): JsonObject {
  const refuse = (cause?: unknown): never => {
    throw new TweedError({
      code: "usage",
      operation: "read --backend-options",
      reason: `${JSON.stringify(text)} is not a JSON object, for example {"DirectRouting":true}`,
      cause,
    });
  };
  try {
    const value: unknown = JSON.parse(text);
    return isJsonObject(value) ? value : refuse();
  } catch (error) {
    return error instanceof TweedError ? refuse(error.cause) : refuse(error);
  }
}
