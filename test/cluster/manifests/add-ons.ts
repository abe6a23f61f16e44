/** The manifests of the add-ons of a test cluster, with the cluster's addresses. */
import { readFile } from "node:fs/promises";

const DIRECTORY = "test/cluster/manifests";

/** @param address of the service, the kubelets' `clusterDNS`; its family is the service's */
export async function corednsManifest(address: string): Promise<string> {
  const text = await readFile(`${DIRECTORY}/coredns.yml`, "utf8");
  return text.replace(/(?<=^ {2}clusterIP: ).*$/m, JSON.stringify(address));
}

/** @param serviceRanges those of the API server: one, or one of each family */
export async function networkPoliciesManifest(serviceRanges: readonly string[]): Promise<string> {
  const hasIpv6 = serviceRanges.some((range) => range.includes(":"));
  const hasIpv4 = serviceRanges.some((range) => !range.includes(":"));
  const text = await readFile(`${DIRECTORY}/network-policies.yml`, "utf8");
  return text
    .replace(/(?<=--enable-ipv4=)\w+/, String(hasIpv4))
    .replace(/(?<=--enable-ipv6=)\w+/, String(hasIpv6))
    .replace(/(?<=--service-cluster-ip-range=).*$/m, serviceRanges.join(","));
}
