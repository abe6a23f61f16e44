/** The kubelet's configuration and command line; KubeletConfiguration is read as YAML, a superset of JSON. */
import type { DualIp } from "../../src/net/index.ts";
import type { JsonObject } from "../../src/runtime/json.ts";
import { dnsServiceIp, ipsOf } from "./address-plan.ts";
import { CONTAINERD_SOCKET } from "./containerd-config.ts";
import { CLUSTER_DOMAIN } from "./control-plane-flags.ts";
import { MACHINE_PATHS } from "./machine-paths.ts";
import type { Families } from "./options.ts";

export interface KubeletSettings {
  readonly families: Families;
  /** The node's own cgroup, from the top of each hierarchy: "/tw-…/node1". */
  readonly cgroup: string;
}

export function kubeletConfig({ families, cgroup }: KubeletSettings): JsonObject {
  return {
    apiVersion: "kubelet.config.k8s.io/v1beta1",
    kind: "KubeletConfiguration",
    address: families === "v4" ? "0.0.0.0" : "::",
    authentication: {
      anonymous: { enabled: false },
      webhook: { enabled: true },
      x509: { clientCAFile: MACHINE_PATHS.authority },
    },
    authorization: { mode: "Webhook" },
    tlsCertFile: MACHINE_PATHS.kubeletCertificate,
    tlsPrivateKeyFile: MACHINE_PATHS.kubeletKey,
    clusterDNS: [dnsServiceIp(families)],
    clusterDomain: CLUSTER_DOMAIN,
    resolvConf: MACHINE_PATHS.resolvConf,
    containerRuntimeEndpoint: `unix://${CONTAINERD_SOCKET}`,
    cgroupDriver: "cgroupfs",
    cgroupRoot: cgroup,
    // Since 1.35 a kubelet refuses cgroup version 1 unless configured.
    failCgroupV1: false,
    // The machine's cgroup has no limits, and other programs share the host's resources.
    enforceNodeAllocatable: [],
    failSwapOn: false,
    // Disk and memory are the host's: their use says nothing about the cluster.
    evictionHard: { "memory.available": "0%", "nodefs.available": "0%", "imagefs.available": "0%" },
    imageGCHighThresholdPercent: 100,
    imageGCLowThresholdPercent: 99,
  };
}

export function kubeletFlags(node: { readonly name: string; readonly ips: DualIp }): string[] {
  return [
    `--config=${MACHINE_PATHS.kubeletConfig}`,
    `--kubeconfig=${MACHINE_PATHS.kubeletKubeconfig}`,
    `--hostname-override=${node.name}`,
    `--node-ip=${ipsOf(node.ips).join(",")}`,
  ];
}
