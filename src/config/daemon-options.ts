/**
 * The daemon's options from command line and environment, as one value: read once, validated as a whole, never
 * changed. Of the variables that flannel reads, EVENT_QUEUE_DEPTH and CONT_WHEN_CACHE_NOT_READY have no counterpart
 * here (no queue to size, no cache whose delay is fatal) and are ignored.
 */
import { type DualIp, type Ip, parseIp } from "../net/index.ts";
import { TweedError } from "../runtime/error.ts";
import type { LogFields } from "../runtime/log.ts";
import { type CniOptions, readCniOptions } from "./cni-options.ts";
import { DAEMON_FLAGS } from "./daemon-flags.ts";
import type { FlagValues } from "./flag.ts";
import { usageText } from "./flag-usage.ts";
import { applyEnvironment, parseFlags, unknownVariables } from "./go-flags.ts";
import type { MasqueradeExclusions } from "./masquerade-exclusions.ts";
import { defaultCniConf, readStoreOptions, type StoreOptions, storeWarnings } from "./store-options.ts";

export interface DaemonOptions {
  readonly store: StoreOptions;
  readonly underlay: UnderlayOptions;
  readonly firewall: FirewallOptions;
  /** Install a blackhole route for the node's own subnet. */
  readonly keepBlackholeRoute: boolean;
  readonly subnetFile: string;
  /** null where another program writes the CNI configuration. */
  readonly cni: CniOptions | null;
  readonly udp: {
    readonly queues: number;
    /** "off": one read and one send for each packet, as in flannel. */
    readonly offload: "auto" | "off";
  };
  /** Where /healthz and /readyz are served, or null for nowhere. */
  readonly health: { readonly ip: Ip; readonly port: number } | null;
  /** systemd's socket for state changes. */
  readonly notifySocket: string | null;
  readonly logLevel: "info" | "debug";
}

/** How to choose the interface for traffic between hosts, and the addresses to publish. */
export interface UnderlayOptions {
  /** Names or addresses, in the order in which they are tried. */
  readonly ifaces: readonly string[];
  readonly ifaceRegexes: readonly RegExp[];
  readonly ifaceCanReach: Ip | null;
  /** Published in place of the interface's own; null when not given. */
  readonly publicIps: DualIp;
}

export interface FirewallOptions {
  readonly masquerade: boolean;
  readonly masqueradeFullyRandom: boolean;
  readonly masqueradeExclusions: MasqueradeExclusions;
  readonly forwardRules: boolean;
  /** What the filter does with forged packets. */
  readonly forgedPackets: "drop" | "log" | "ignore";
  readonly resyncIntervalMs: number;
}

/** Prefix of the variables for flags, as in flannel. */
const PREFIX = "FLANNELD";

const FORGED_PACKETS = { on: "drop", off: "ignore", log: "log" } as const;

export type CommandLine =
  | {
      readonly kind: "run";
      readonly options: DaemonOptions;
      /** About accepted options that are probably mistakes. */
      readonly warnings: readonly string[];
    }
  | { readonly kind: "help"; readonly usage: string }
  /** flannel prints its version on stderr. */
  | { readonly kind: "version" }
  | { readonly kind: "usage-error"; readonly error: TweedError };

type Environment = Readonly<Record<string, string | undefined>>;

/** @param words the command line after the command's name */
export function readCommandLine(words: readonly string[], environment: Environment): CommandLine {
  const parsed = parseFlags(DAEMON_FLAGS, words);
  if (parsed.kind === "help") return { kind: "help", usage: usageText("tweed run [flags]", DAEMON_FLAGS) };
  if (parsed.kind === "usage-error") return parsed;
  // --version ignores the environment, which may be another program's.
  if (parsed.values.version) return { kind: "version" };

  const completed = applyEnvironment(DAEMON_FLAGS, parsed, environment, PREFIX);
  if (completed.kind === "usage-error") return completed;
  try {
    const options = readOptions(completed.values, environment);
    return {
      kind: "run",
      options,
      warnings: [...variableWarnings(environment), ...warningsOf(options, completed)],
    };
  } catch (error) {
    if (error instanceof TweedError && error.code === "usage") return { kind: "usage-error", error };
    throw error;
  }
}

/** The options as log fields: secrets redacted, patterns as their text. */
export function describeOptions(options: DaemonOptions): LogFields {
  const text = JSON.stringify(options, (_key, value: unknown) =>
    value instanceof RegExp ? value.source : value,
  );
  return JSON.parse(text) as LogFields;
}

function readOptions(flags: FlagValues<typeof DAEMON_FLAGS>, environment: Environment): DaemonOptions {
  const healthPort = flags["healthz-port"];
  const store = readStoreOptions(flags, environment);
  return {
    store,
    underlay: {
      ifaces: flags.iface,
      ifaceRegexes: flags["iface-regex"],
      ifaceCanReach: flags["iface-can-reach"],
      publicIps: { v4: flags["public-ip"], v6: flags["public-ipv6"] },
    },
    firewall: {
      masquerade: flags["ip-masq"],
      masqueradeFullyRandom: !flags["ip-masq-fully-random-disable"],
      masqueradeExclusions: flags["ip-masq-exclude"],
      forwardRules: flags["iptables-forward-rules"],
      forgedPackets: FORGED_PACKETS[flags["forged-packet-filter"] ?? "on"],
      resyncIntervalMs: flags["iptables-resync"] * 1000,
    },
    keepBlackholeRoute: flags["ip-blackhole-route"],
    subnetFile: flags["subnet-file"],
    cni: readCniOptions(flags, defaultCniConf(store)),
    udp: { queues: flags["udp-queues"], offload: flags["udp-offload"] ?? "auto" },
    health: healthPort === 0 ? null : { ip: flags["healthz-ip"] ?? parseIp("0.0.0.0"), port: healthPort },
    notifySocket: environment.NOTIFY_SOCKET || null,
    logLevel: flags.v >= 1 ? "debug" : "info",
  };
}

function variableWarnings(environment: Environment): string[] {
  return unknownVariables(DAEMON_FLAGS, environment, PREFIX).map(
    (name) => `environment variable without a flag: ${name}`,
  );
}

function warningsOf(
  options: DaemonOptions,
  {
    ignoredWords,
    values,
  }: { readonly ignoredWords: number; readonly values: FlagValues<typeof DAEMON_FLAGS> },
): readonly string[] {
  const warnings: string[] = [];
  if (ignoredWords > 0) {
    warnings.push(
      `the last ${ignoredWords} word(s) of the command line are ignored, also flags: flags end at ` +
        "the first word that is not one; write a boolean as --flag=value",
    );
  }
  const { store, cni } = options;
  if (cni === null && values["cni-conf-template"] !== "") {
    warnings.push("--cni-conf-template has no effect: --cni-conf is none");
  }
  return [...warnings, ...storeWarnings(store)];
}
