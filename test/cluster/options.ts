/** The options of a cluster, and the command line of `npm run cluster:up`. */
import { Flags } from "./flags.ts";
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
  /** Directory in which the logs stay; without it they are removed with the cluster. */
  readonly directory?: string;
  /** Aborts the start. */
  readonly signal?: AbortSignal;
}

export interface UpOptions {
  readonly options: ClusterOptions;
  /** docker-archives that each node gets. */
  readonly images: readonly string[];
}

/** A node needs some 300 MB, and the underlay's address plan has room for this number. */
const MAX_NODES = 50;
const VERSIONS = Object.keys(KUBERNETES_VERSIONS) as KubernetesVersion[];

const FLAGS = {
  nodes: { type: "string", default: "2" },
  families: { type: "string", default: "v4" },
  proxy: { type: "string", default: "iptables" },
  version: { type: "string", default: "1.34" },
  directory: { type: "string" },
  image: { type: "string", multiple: true },
} as const;

/** @throws TweedError `usage` */
export function parseUp(args: readonly string[]): UpOptions {
  const flags = new Flags("cluster:up");
  const values = flags.read(args, FLAGS);
  const options = {
    nodes: flags.wholeNumber("--nodes", values.nodes, 1, MAX_NODES),
    families: flags.oneOf("--families", values.families, FAMILY_CHOICES),
    proxy: flags.oneOf("--proxy", values.proxy, PROXY_MODES),
    version: flags.oneOf("--version", values.version, VERSIONS),
    ...(values.directory === undefined ? {} : { directory: values.directory }),
  };
  return { options, images: values.image ?? [] };
}
