/** The compared encapsulation modes: each has its own lab and daemons. */

import { TweedError } from "../src/runtime/error.ts";
import type { JsonObject } from "../src/runtime/json.ts";

export interface Mode {
  readonly name: string;
  /** The `Backend` object of the network configuration. */
  readonly backend: JsonObject;
  /** Flags of `tweed run`. */
  readonly flags: readonly string[];
  /** The command of another daemon that reads flannel's configuration from etcd, or null for our own. */
  readonly otherDaemon: readonly string[] | null;
}

type OwnMode = Pick<Mode, "backend" | "flags">;

const COMPARED: ReadonlyMap<string, OwnMode> = new Map(
  Object.entries({
    "host-gw": { backend: { Type: "host-gw" }, flags: [] },
    vxlan: { backend: { Type: "vxlan" }, flags: [] },
    "vxlan-direct": { backend: { Type: "vxlan", DirectRouting: true }, flags: [] },
    udp: { backend: { Type: "udp" }, flags: [] },
    // One read and one send for each packet, as in flannel's proxy.
    "udp-no-offload": { backend: { Type: "udp" }, flags: ["--udp-offload=off"] },
  }),
);

/** To compare one aspect with another mode; measured only when --modes names them. */
const ON_REQUEST: ReadonlyMap<string, OwnMode> = new Map(
  Object.entries({
    // The cost of the filter of forged packets, compared with vxlan.
    "vxlan-unfiltered": { backend: { Type: "vxlan" }, flags: ["--forged-packet-filter=off"] },
  }),
);

const OWN_MODES: ReadonlyMap<string, OwnMode> = new Map([...COMPARED, ...ON_REQUEST]);

export const DEFAULT_MODES: readonly string[] = [...COMPARED.keys()];

/**
 * @param names separated by commas
 * @param daemonFlags for every daemon of ours
 * @throws TweedError `usage`
 */
export function parseModes(names: string, daemonFlags: readonly string[]): Mode[] {
  return names.split(",").map((name) => {
    const known = OWN_MODES.get(name);
    if (known === undefined) refuse("--modes", name, `modes of ${[...OWN_MODES.keys()].join(",")}`);
    return { name, ...known, flags: [...known.flags, ...daemonFlags], otherDaemon: null };
  });
}

/**
 * `NAME=COMMAND` or `NAME:BACKEND=COMMAND`: a daemon to measure beside our own. The command is split at spaces, and
 * flannel's flags for store, interface, subnet file and health are appended; no shell interprets it.
 *
 * @throws TweedError `usage`
 */
export function parseExternal(text: string): Mode {
  const match = /^([a-z0-9][a-z0-9-]{0,23})(?::([a-z-]+))?=\s*(\S.*)$/.exec(text);
  const [, name, type = "vxlan", command] = match ?? [];
  if (name === undefined || command === undefined || OWN_MODES.has(name)) {
    refuse(
      "--external",
      text,
      "NAME=COMMAND or NAME:BACKEND=COMMAND, with a name that is no mode of Tweed's",
    );
  }
  return { name, backend: { Type: type }, flags: [], otherDaemon: command.trim().split(/\s+/) };
}

/** @throws TweedError `usage` when two have one name: their figures would be merged */
export function checkDistinct(modes: readonly Mode[]): void {
  const names = modes.map((mode) => mode.name);
  const double = names.find((name, index) => names.indexOf(name) !== index);
  if (double !== undefined) refuse("--modes and --external", double, "each name once");
}

/** The configuration of the daemons of this mode, for the report. */
export function describeMode({ backend, flags, otherDaemon }: Mode): string {
  return [...(otherDaemon ?? ["tweed run"]), ...flags, `Backend ${JSON.stringify(backend)}`].join(" ");
}

function refuse(flag: string, value: string, accepted: string): never {
  throw new TweedError({
    code: "usage",
    operation: `read ${flag}`,
    reason: `${JSON.stringify(value)} is not accepted, expected ${accepted}`,
  });
}
