/** kube-proxy's configuration; KubeProxyConfiguration is read as YAML, a superset of JSON. */
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
    // The size of the connection table applies to the whole kernel; zero does not change it, nor the time-outs.
    conntrack: { maxPerCore: 0, min: 0, tcpEstablishedTimeout: "0s", tcpCloseWaitTimeout: "0s" },
  };
}
