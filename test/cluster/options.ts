/** What a cluster is asked to be, and how `npm run cluster:up` reads it from its arguments. */
import { parseArgs } from "node:util";
import { TweedError } from "../../src/runtime/error.ts";
import { KUBERNETES_VERSIONS, type KubernetesVersion } from "./kubernetes-programs.ts";

export const FAMILY_CHOICES = ["v4", "v6", "dual"] as const;
export const PROXY_MODES = ["iptables", "nftables"] as const;
export type Families = (typeof FAMILY_CHOICES)[number];
export type ProxyMode = (typeof PROXY_MODES)[number];

export interface ClusterOptions {
  readonly version: KubernetesVersion;
  readonly nodes: number;
  readonly families: Families;
  /** Mode of kube-proxy. */
  readonly proxy: ProxyMode;
  /** Takes the logs, and keeps them; without it they go with the cluster. */
  readonly directory?: string;
  /** Ends the start early. */
  readonly signal?: AbortSignal;
}

export interface UpOptions {
  readonly options: ClusterOptions;
  /** docker-archives that each node gets. */
  readonly images: readonly string[];
}

/** A node takes some 300 MB, and the underlay's address plan has room for these. */
const MAX_NODES = 50;
const VERSIONS = Object.keys(KUBERNETES_VERSIONS) as KubernetesVersion[];

/** @throws TweedError `usage` */
export function parseUp(args: readonly string[]): UpOptions {
  const values = readFlags(args);
  const nodes = Number(values.nodes);
  if (!/^\d+$/.test(values.nodes) || nodes < 1 || nodes > MAX_NODES)
    refuse(`--nodes is ${JSON.stringify(values.nodes)}, expected a whole number from 1 to ${MAX_NODES}`);
  const options = {
    nodes,
    families: choice("--families", values.families, FAMILY_CHOICES),
    proxy: choice("--proxy", values.proxy, PROXY_MODES),
    version: choice("--version", values.version, VERSIONS),
    ...(values.directory === undefined ? {} : { directory: values.directory }),
  };
  return { options, images: values.image };
}

function readFlags(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        nodes: { type: "string", default: "2" },
        families: { type: "string", default: "v4" },
        proxy: { type: "string", default: "iptables" },
        version: { type: "string", default: "1.34" },
        directory: { type: "string" },
        image: { type: "string", multiple: true, default: [] },
      },
    }).values;
  } catch (cause) {
    return refuse((cause as Error).message, cause);
  }
}

function choice<T extends string>(flag: string, value: string, choices: readonly T[]): T {
  const chosen = choices.find((each) => each === value);
  return chosen ?? refuse(`${flag} is ${JSON.stringify(value)}, expected ${choices.join(" or ")}`);
}

function refuse(reason: string, cause?: unknown): never {
  throw new TweedError({ code: "usage", operation: "read the options of cluster:up", reason, cause });
}
