/** containerd's configuration (version 2 of its format, which 1.5 to 2.x read). */
export const CONTAINERD_SOCKET = "/run/containerd/containerd.sock";
/** Namespace of containerd's CRI plugin for its containers and images. */
export const CRI_NAMESPACE = "k8s.io";
const CRI = `plugins."io.containerd.grpc.v1.cri"`;

/** @param sandboxImage image of every pod's sandbox; it must be loaded */
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
