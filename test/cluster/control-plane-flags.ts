/** Command lines of the control plane's programs. */
import type { DualIp } from "../../src/net/index.ts";
import { clusterCidrs, firstIp, serviceCidrs } from "./address-plan.ts";
import type { ClusterOptions } from "./options.ts";

export const API_PORT = 6443;
export const CLUSTER_DOMAIN = "cluster.local";
const ETCD_URL = "http://127.0.0.1:2379";
const ETCD_PEER_URL = "http://127.0.0.1:2380";

type Families = ClusterOptions["families"];
/** Path of a file in the directory of keys and certificates, such as "ca.crt". */
type PkiFile = (name: string) => string;
/** Path of a client's kubeconfig. */
type KubeconfigFile = (client: string) => string;

export function etcdFlags(dataDirectory: string): string[] {
  return [
    `--data-dir=${dataDirectory}`,
    `--listen-client-urls=${ETCD_URL}`,
    `--advertise-client-urls=${ETCD_URL}`,
    `--listen-peer-urls=${ETCD_PEER_URL}`,
    `--initial-advertise-peer-urls=${ETCD_PEER_URL}`,
    `--initial-cluster=default=${ETCD_PEER_URL}`,
  ];
}

export function apiServerFlags(families: Families, ips: DualIp, pki: PkiFile): string[] {
  return [
    `--etcd-servers=${ETCD_URL}`,
    `--bind-address=${families === "v4" ? "0.0.0.0" : "::"}`,
    // A loopback address is refused: it becomes the endpoint of the service "kubernetes".
    `--advertise-address=${firstIp(ips)}`,
    `--secure-port=${API_PORT}`,
    `--client-ca-file=${pki("ca.crt")}`,
    // No client has a certificate of this name; without an authority the controllers log an error every 20 s.
    `--requestheader-client-ca-file=${pki("ca.crt")}`,
    "--requestheader-allowed-names=front-proxy-client",
    `--tls-cert-file=${pki("kube-apiserver.crt")}`,
    `--tls-private-key-file=${pki("kube-apiserver.key")}`,
    `--kubelet-certificate-authority=${pki("ca.crt")}`,
    `--kubelet-client-certificate=${pki("kubelet-client.crt")}`,
    `--kubelet-client-key=${pki("kubelet-client.key")}`,
    // Names of nodes do not resolve; exec and logs use the address.
    "--kubelet-preferred-address-types=InternalIP",
    `--service-account-issuer=https://kubernetes.default.svc.${CLUSTER_DOMAIN}`,
    `--service-account-key-file=${pki("service-account.key")}`,
    `--service-account-signing-key-file=${pki("service-account.key")}`,
    `--service-cluster-ip-range=${serviceCidrs(families).join(",")}`,
    "--authorization-mode=Node,RBAC",
    // ServiceAccount is on by default.
    "--enable-admission-plugins=NodeRestriction",
    "--allow-privileged=true",
    "--profiling=false",
  ];
}

export function controllerManagerFlags(
  families: Families,
  pki: PkiFile,
  kubeconfig: KubeconfigFile,
): string[] {
  return [
    ...componentFlags(kubeconfig("kube-controller-manager")),
    `--service-account-private-key-file=${pki("service-account.key")}`,
    `--root-ca-file=${pki("ca.crt")}`,
    `--cluster-signing-cert-file=${pki("ca.crt")}`,
    `--cluster-signing-key-file=${pki("ca.key")}`,
    "--use-service-account-credentials=true",
    // A node gets a /24 and a /64 of it by default.
    "--allocate-node-cidrs=true",
    `--cluster-cidr=${clusterCidrs(families).join(",")}`,
    `--service-cluster-ip-range=${serviceCidrs(families).join(",")}`,
  ];
}

export function schedulerFlags(kubeconfig: KubeconfigFile): string[] {
  return componentFlags(kubeconfig("kube-scheduler"));
}

/** There is one instance of each, so no leader election; it would take up to 15 s after a restart. */
function componentFlags(kubeconfig: string): string[] {
  return [
    `--kubeconfig=${kubeconfig}`,
    `--authentication-kubeconfig=${kubeconfig}`,
    `--authorization-kubeconfig=${kubeconfig}`,
    "--bind-address=127.0.0.1",
    "--leader-elect=false",
    "--profiling=false",
  ];
}
