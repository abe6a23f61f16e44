/** kube-proxy's configuration; KubeProxyConfiguration is read as YAML, of which JSON is a part. */
import type { JsonObject } from "../../src/runtime/json.ts";
import { clusterCidrs } from "./address-plan.ts";
import { MACHINE_PATHS } from "./machine-paths.ts";
import type { Families, ProxyMode } from "./options.ts";

export interface KubeProxySettings {
  readonly families: Families;
  readonly proxy: ProxyMode;
  readonly nodeName: string;
}

export function kubeProxyConfig({ families, proxy, nodeName }: KubeProxySettings): JsonObject {
  return {
    apiVersion: "kubeproxy.config.k8s.io/v1alpha1",
    kind: "KubeProxyConfiguration",
    mode: proxy,
    hostnameOverride: nodeName,
    bindAddress: families === "v4" ? "0.0.0.0" : "::",
    clientConnection: { kubeconfig: MACHINE_PATHS.proxyKubeconfig },
    clusterCIDR: clusterCidrs(families).join(","),
    // The size of the connection table is the whole kernel's; zero leaves it, and the time-outs, alone.
    conntrack: { maxPerCore: 0, min: 0, tcpEstablishedTimeout: "0s", tcpCloseWaitTimeout: "0s" },
  };
}
