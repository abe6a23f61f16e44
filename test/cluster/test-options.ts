/** Which clusters `npm run test:cluster` starts, and what it checks on them. */
import { parseArgs } from "node:util";
import { TweedError } from "../../src/runtime/error.ts";
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
  /** Part of the titles of the checks to make; the installation is always made. */
  readonly only: string;
  /** Takes the logs of each cluster; null where they go with it. */
  readonly directory: string | null;
}

const FLAGS = {
  versions: { type: "string", default: "1.34" },
  families: { type: "string", default: "v4" },
  proxies: { type: "string", default: "iptables" },
  nodes: { type: "string", default: "3" },
  short: { type: "boolean", default: false },
  only: { type: "string", default: "" },
  directory: { type: "string" },
} as const;

/** Each version with each choice of families and each mode of kube-proxy. @throws TweedError `usage` */
export function parseTestOptions(args: readonly string[]): TestOptions {
  const values = readFlags(args);
  const nodes = Number(values.nodes);
  if (!Number.isInteger(nodes) || nodes < 2)
    refuse(`--nodes is ${values.nodes}, expected a number from 2 on`);
  const versions = list(
    "--versions",
    values.versions,
    Object.keys(KUBERNETES_VERSIONS) as KubernetesVersion[],
  );
  const families = list("--families", values.families, FAMILY_CHOICES);
  const proxies = list("--proxies", values.proxies, PROXY_MODES);
  const kinds = versions.flatMap((version) =>
    families.flatMap((family) => proxies.map((proxy) => ({ version, families: family, proxy }))),
  );
  return { kinds, nodes, isShort: values.short, only: values.only, directory: values.directory ?? null };
}

/** "1.34 v4 iptables" */
export function nameOfKind({ version, families, proxy }: ClusterKind): string {
  return `${version} ${families} ${proxy}`;
}

function readFlags(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: FLAGS }).values;
  } catch (cause) {
    return refuse((cause as Error).message, cause);
  }
}

function list<T extends string>(flag: string, value: string, choices: readonly T[]): T[] {
  return value.split(",").map((word) => {
    const chosen = choices.find((choice) => choice === word);
    return chosen ?? refuse(`${flag} has ${JSON.stringify(word)}, expected some of ${choices.join(",")}`);
  });
}

function refuse(reason: string, cause?: unknown): never {
  throw new TweedError({ code: "usage", operation: "read the options of test:cluster", reason, cause });
}
