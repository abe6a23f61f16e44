/** The clusters that `npm run test:conformance` starts, and the part of the suite that it runs on them. */
import { Flags } from "../flags.ts";
import { FAMILY_CHOICES, type Families, PROXY_MODES, type ProxyMode } from "../options.ts";
import { SUITE_VERSION } from "./suite-programs.ts";

const BACKENDS = ["vxlan", "host-gw", "udp"] as const;
export type BackendName = (typeof BACKENDS)[number];

export interface ConformanceKind {
  readonly version: typeof SUITE_VERSION;
  readonly backend: BackendName;
  readonly families: Families;
  readonly proxy: ProxyMode;
}

export interface ConformanceOptions {
  readonly kinds: readonly ConformanceKind[];
  readonly nodes: number;
  /** Regular expression, in Go's syntax, for the whole names of specs. */
  readonly focus: string;
  /** Specs that run in parallel. */
  readonly procs: number;
  /** Seed of the injected faults; null for a cluster at rest. */
  readonly chaosSeed: number | null;
  /** Directory of the logs and reports; null to remove them with the cluster. */
  readonly directory: string | null;
}

const FLAGS = {
  backend: { type: "string", default: "vxlan" },
  families: { type: "string", default: "v4" },
  proxy: { type: "string", default: "iptables" },
  version: { type: "string", default: SUITE_VERSION },
  nodes: { type: "string", default: "2" },
  focus: { type: "string", default: "\\[sig-network\\].*\\[Conformance\\]" },
  procs: { type: "string", default: "5" },
  chaos: { type: "boolean", default: false },
  seed: { type: "string", default: "1" },
  directory: { type: "string" },
} as const;

/** Each backend with each choice of families and each mode of kube-proxy. @throws TweedError `usage` */
export function parseConformanceOptions(args: readonly string[]): ConformanceOptions {
  const flags = new Flags("test:conformance");
  const values = flags.read(args, FLAGS);
  const [version] = flags.someOf("--version", values.version, [SUITE_VERSION]);
  const backends = flags.someOf("--backend", values.backend, BACKENDS);
  const families = flags.someOf("--families", values.families, FAMILY_CHOICES);
  const proxies = flags.someOf("--proxy", values.proxy, PROXY_MODES);
  const kinds = backends.flatMap((backend) =>
    families.flatMap((family) =>
      proxies.map((proxy) => ({ version: version ?? SUITE_VERSION, backend, families: family, proxy })),
    ),
  );
  const seed = flags.wholeNumber("--seed", values.seed, 0);
  return {
    kinds,
    // Some specs need pods on different nodes.
    nodes: flags.wholeNumber("--nodes", values.nodes, 2),
    procs: flags.wholeNumber("--procs", values.procs, 1),
    focus: values.focus,
    chaosSeed: values.chaos ? seed : null,
    directory: values.directory ?? null,
  };
}

/** "1.34 vxlan v4 iptables" */
export function nameOfKind({ version, backend, families, proxy }: ConformanceKind): string {
  return `${version} ${backend} ${families} ${proxy}`;
}
