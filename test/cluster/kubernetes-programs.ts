/** The programs of Kubernetes, in the versions that the cluster tests run. */
import { access } from "node:fs/promises";
import { join } from "node:path";
import { TweedError } from "../../src/runtime/error.ts";
import { goPrograms } from "./go-programs.ts";

/** The oldest and the newest tested version; each has its own module in programs/. */
export const KUBERNETES_VERSIONS = { "1.34": "v1.34.4", "1.37": "v1.37.2" } as const;

export type KubernetesVersion = keyof typeof KUBERNETES_VERSIONS;

/** The programs of the store suites. */
export const CONTROL_PLANE = ["kube-apiserver", "kube-controller-manager"] as const;

/** The programs of a cluster. */
export const CLUSTER_PROGRAMS = [
  ...CONTROL_PLANE,
  "kube-scheduler",
  "kubelet",
  "kube-proxy",
  "kubectl",
] as const;

export type KubernetesProgram = (typeof CLUSTER_PROGRAMS)[number];

/**
 * The directory of the programs: KUBEBUILDER_ASSETS if set, else the cache, where they are built once.
 * @throws TweedError `program-missing`, `go-missing`, `program-failed`
 */
export async function kubernetesPrograms(
  version: KubernetesVersion,
  needed: readonly KubernetesProgram[],
  say: (line: string) => void,
): Promise<string> {
  const assets = process.env.KUBEBUILDER_ASSETS ?? "";
  if (assets !== "") return verified(assets, needed);
  return goPrograms(
    {
      module: join("test/cluster/programs", `v${version}`),
      packages: Object.fromEntries(CLUSTER_PROGRAMS.map((name) => [name, `k8s.io/kubernetes/cmd/${name}`])),
      variables: versionStamp(version),
    },
    say,
  );
}

/** Linker variables that set a program's version; without it clients refuse a server. */
export function versionStamp(version: KubernetesVersion): Record<string, string> {
  const gitVersion = KUBERNETES_VERSIONS[version];
  const [gitMajor = "", gitMinor = ""] = gitVersion.slice(1).split(".");
  return Object.fromEntries(
    Object.entries({ gitVersion, gitMajor, gitMinor }).map(([name, value]) => [
      `k8s.io/component-base/version.${name}`,
      value,
    ]),
  );
}

async function verified(directory: string, needed: readonly KubernetesProgram[]): Promise<string> {
  for (const name of needed) {
    await access(join(directory, name)).catch(() => {
      throw new TweedError({
        code: "program-missing",
        operation: "find the programs of Kubernetes",
        reason: `KUBEBUILDER_ASSETS is ${directory}, which has no ${name}`,
      });
    });
  }
  return directory;
}
