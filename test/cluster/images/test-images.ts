/** The images that a cluster needs beside Tweed's: from Go modules, under the names that Kubernetes and its tests use. */
import { copyFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { run } from "../../../src/runtime/program.ts";
import { cached } from "../../support/cache-directory.ts";
import { goPrograms } from "../go-programs.ts";
import type { KubernetesVersion } from "../kubernetes-programs.ts";
import { type BuiltImage, buildImage } from "./image.ts";

type Say = (line: string) => void;

/** As listed in test/utils/image/manifest.go of each version. */
const TAGS: Readonly<Record<KubernetesVersion, { readonly pause: string; readonly agnhost: string }>> = {
  "1.34": { pause: "3.10.1", agnhost: "2.56" },
  "1.37": { pause: "3.10.2", agnhost: "2.66.1" },
};
const DNSUTILS = "registry.k8s.io/e2e-test-images/jessie-dnsutils:1.7";
const COREDNS = "registry.k8s.io/coredns/coredns:v1.12.4";
const NETWORK_POLICIES = "registry.k8s.io/networking/network-policies:test";

const AGNHOST = "k8s.io/kubernetes/test/images/agnhost";
const CERTIFICATE = ["localhost.crt", "localhost.key"];

/** The sandbox of every pod: one static program. */
export async function pauseImage(version: KubernetesVersion, say: Say): Promise<BuiltImage> {
  const names = [`registry.k8s.io/pause:${TAGS[version].pause}`];
  return build(`pause-${version}`, names, "pause", await agnhost(version, say), say);
}

/** The clients and servers of Kubernetes' own tests. */
export async function agnhostImage(version: KubernetesVersion, say: Say): Promise<BuiltImage> {
  const names = [`registry.k8s.io/e2e-test-images/agnhost:${TAGS[version].agnhost}`, DNSUTILS];
  return build(`agnhost-${version}`, names, "agnhost", await agnhost(version, say), say);
}

/** For manifests/coredns.yml. */
export async function corednsImage(say: Say): Promise<BuiltImage> {
  const programs = { module: module("coredns"), packages: { coredns: "github.com/coredns/coredns" } };
  return build("coredns", [COREDNS], "coredns", await goPrograms(programs, say), say);
}

/**
 * For manifests/network-policies.yml. kube-router enforces by iptables and ipset; kube-network-policies would need the
 * kernel's CONFIG_NFT_QUEUE, which small kernels lack.
 */
export async function networkPoliciesImage(say: Say): Promise<BuiltImage> {
  const packages = { "kube-router": "github.com/cloudnativelabs/kube-router/v2/cmd/kube-router" };
  const programs = await goPrograms({ module: module("network-policies"), packages }, say);
  return build("network-policies", [NETWORK_POLICIES], "network-policies", programs, say);
}

/** Build context with the program and the certificate of one of its servers. */
async function agnhost(version: KubernetesVersion, say: Say): Promise<string> {
  const programs = { module: module(`v${version}`), packages: { agnhost: AGNHOST } };
  const built = await goPrograms(programs, say);
  return cached(join("images/contexts", `agnhost-${basename(built)}`), async (empty) => {
    const sources = (await run("go", ["list", "-f={{.Dir}}", AGNHOST], { cwd: programs.module })).trim();
    for (const file of CERTIFICATE) await copyFile(join(sources, "porter", file), join(empty, file));
    await copyFile(join(built, "agnhost"), join(empty, "agnhost"));
  });
}

function module(name: string): string {
  return join("test/cluster/programs", name);
}

function build(
  id: string,
  names: readonly string[],
  described: string,
  context: string,
  say: Say,
): Promise<BuiltImage> {
  const dockerfile = `test/cluster/images/${described}/Dockerfile`;
  return buildImage({ id, names, dockerfile, context }, say);
}
