/** The certificates of a cluster and their names: users and groups are those that RBAC's defaults bind. */
import type { DualIp } from "../../src/net/index.ts";
import { ipsOf, kubernetesServiceIps } from "./address-plan.ts";
import { CLUSTER_DOMAIN } from "./control-plane-flags.ts";
import type { Families } from "./options.ts";

export interface CertificateRequest {
  /** Name of its files. */
  readonly file: string;
  /** Common name: to Kubernetes the user. */
  readonly user: string;
  /** Organisation: to Kubernetes the group. */
  readonly group?: string;
  /** Subject alternative names of a server in openssl's syntax: "DNS:kubernetes" or "IP:10.96.0.1". */
  readonly serves?: readonly string[];
}

/** Clients of the API server that have a kubeconfig, besides kubelets. */
export const CLIENTS: readonly CertificateRequest[] = [
  { file: "admin", user: "admin", group: "system:masters" },
  { file: "kube-controller-manager", user: "system:kube-controller-manager" },
  { file: "kube-scheduler", user: "system:kube-scheduler" },
  { file: "kube-proxy", user: "system:kube-proxy" },
];

/** The API server as a client of kubelets. */
export const KUBELET_CLIENT: CertificateRequest = {
  file: "kubelet-client",
  user: "kube-apiserver-kubelet-client",
  group: "system:masters",
};

export function apiServerRequest(families: Families, ips: DualIp): CertificateRequest {
  const service = ["kubernetes", "kubernetes.default", "kubernetes.default.svc"];
  const names = [...service, `kubernetes.default.svc.${CLUSTER_DOMAIN}`, "localhost"];
  const addresses = [...kubernetesServiceIps(families), ...ipsOf(ips), "127.0.0.1"];
  return {
    file: "kube-apiserver",
    user: "kube-apiserver",
    serves: [...names.map((name) => `DNS:${name}`), ...addresses.map((ip) => `IP:${ip}`)],
  };
}

/**
 * One request for both roles of a kubelet: the node authorizer uses this name and group of the client; the addresses
 * are for the server.
 */
export function kubeletRequest(node: { readonly name: string; readonly ips: DualIp }): CertificateRequest {
  return {
    file: `kubelet-${node.name}`,
    user: `system:node:${node.name}`,
    group: "system:nodes",
    serves: [`DNS:${node.name}`, ...ipsOf(node.ips).map((ip) => `IP:${ip}`)],
  };
}

/** As `openssl req -subj` takes it. */
export function subjectOf({ user, group }: CertificateRequest): string {
  return `${group === undefined ? "" : `/O=${group}`}/CN=${user}`;
}

/** Extensions of the certificate, as `openssl x509 -extfile` takes them. */
export function extensionsOf({ serves = [] }: CertificateRequest): string {
  if (serves.length === 0) return "extendedKeyUsage=clientAuth\n";
  return `extendedKeyUsage=serverAuth,clientAuth\nsubjectAltName=${serves.join(",")}\n`;
}
