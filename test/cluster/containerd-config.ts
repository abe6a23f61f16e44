/** containerd's configuration (version 2 of its format, which 1.5 to 2.x read). */
export const CONTAINERD_SOCKET = "/run/containerd/containerd.sock";
/** Where containerd's CRI plugin keeps what it runs and has loaded. */
export const CRI_NAMESPACE = "k8s.io";
const CRI = `plugins."io.containerd.grpc.v1.cri"`;

/** @param sandboxImage that of every pod's sandbox; it has to be loaded */
export function containerdConfig(sandboxImage: string): string {
  return `version = 2
root = "/var/lib/containerd"
state = "/run/containerd"

[grpc]
  address = "${CONTAINERD_SOCKET}"

[${CRI}]
  sandbox_image = "${sandboxImage}"
  # Without CAP_SYS_RESOURCE nobody may lower an oom_score_adj, and a sandbox that tries to does not start.
  restrict_oom_score_adj = true

[${CRI}.containerd]
  default_runtime_name = "runc"

[${CRI}.containerd.runtimes.runc]
  runtime_type = "io.containerd.runc.v2"

[${CRI}.containerd.runtimes.runc.options]
  SystemdCgroup = false

[${CRI}.cni]
  bin_dir = "/opt/cni/bin"
  conf_dir = "/etc/cni/net.d"
`;
}
