/** The clusters that `npm run test:cluster` starts, and the checks on them. */
import { Flags } from "./flags.ts";
import { KUBERNETES_VERSIONS, type KubernetesVersion } from "./kubernetes-programs.ts";
import { FAMILY_CHOICES, type Families, PROXY_MODES, type ProxyMode } from "./options.ts";

export interface ClusterKind {
  readonly version: KubernetesVersion;
  readonly families: Families;
  readonly proxy: ProxyMode;
}

export interface TestOptions {
  readonly kinds: readonly ClusterKind[];
  readonly nodes: number;
  /** The short selection of checks, for CI. */
  readonly isShort: boolean;
  /** Part of the titles of the checks to run; the installation always runs. */
  readonly only: string;
  /** Directory of the logs of each cluster; null to remove them with it. */
  readonly directory: string | null;
}

const FLAGS = {
  version: { type: "string", default: "1.34" },
  families: { type: "string", default: "v4" },
  proxy: { type: "string", default: "iptables" },
  nodes: { type: "string", default: "3" },
  short: { type: "boolean", default: false },
  only: { type: "string", default: "" },
  directory: { type: "string" },
} as const;

/** Each version with each choice of families and each mode of kube-proxy. @throws TweedError `usage` */
export function parseTestOptions(args: readonly string[]): TestOptions {
  const flags = new Flags("test:cluster");
  const values = flags.read(args, FLAGS);
  const nodes = flags.wholeNumber("--nodes", values.nodes, 2);
  const versions = flags.someOf(
    "--version",
    values.version,
    Object.keys(KUBERNETES_VERSIONS) as KubernetesVersion[],
  );
  const families = flags.someOf("--families", values.families, FAMILY_CHOICES);
  const proxies = flags.someOf("--proxy", values.proxy, PROXY_MODES);
  const kinds = versions.flatMap((version) =>
    families.flatMap((family) => proxies.map((proxy) => ({ version, families: family, proxy }))),
  );
  return { kinds, nodes, isShort: values.short, only: values.only, directory: values.directory ?? null };
}

/** "1.34 v4 iptables" */
export function nameOfKind({ version, families, proxy }: ClusterKind): string {
  return `${version} ${families} ${proxy}`;
}
