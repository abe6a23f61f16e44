/** Paths on a node, as its programs see them. */
export const MACHINE_PATHS = {
  /** Programs of Kubernetes. */
  kubernetes: "/opt/kubernetes/bin",
  cniPlugins: "/opt/cni/bin",
  cniConfigurations: "/etc/cni/net.d",
  authority: "/etc/kubernetes/ca.crt",
  kubeletCertificate: "/etc/kubernetes/kubelet.crt",
  kubeletKey: "/etc/kubernetes/kubelet.key",
  kubeletConfig: "/etc/kubernetes/kubelet.json",
  kubeletKubeconfig: "/etc/kubernetes/kubelet.kubeconfig",
  proxyConfig: "/etc/kubernetes/kube-proxy.json",
  proxyKubeconfig: "/etc/kubernetes/kube-proxy.kubeconfig",
  containerdConfig: "/etc/containerd/config.toml",
  resolvConf: "/etc/resolv.conf",
} as const;
