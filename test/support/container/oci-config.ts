/**
 * A pod's container as kubelet and containerd would configure it for runc: an OCI runtime configuration from the pod's
 * description. Fields of a pod that ours do not use are not supported, and refused.
 */
import type { V1PodSpec } from "@kubernetes/client-node";
import type { DaemonContainer, DaemonPod } from "../manifests/daemon-pod.ts";
import type { SeccompProfile } from "./seccomp-profile.ts";

export interface ContainerSurroundings {
  /** The real directories of hostPath volumes, by the path that the pod names: "/run/flannel". */
  readonly hostPaths: Readonly<Record<string, string>>;
  /** Directories of ConfigMaps, by their names. */
  readonly configMaps: Readonly<Record<string, string>>;
  /** Directories of the image's contents, by their path in the image. */
  readonly image: Readonly<Record<string, string>>;
  readonly command: readonly string[];
  readonly rootDirectory: string;
  readonly seccomp: SeccompProfile;
}

interface Mount {
  readonly destination: string;
  readonly type: string;
  readonly source: string;
  readonly options: readonly string[];
}

/** As containerd's: paths that reveal or change the host. */
const MASKED = [
  "/proc/acpi",
  "/proc/kcore",
  "/proc/keys",
  "/proc/timer_list",
  "/proc/sched_debug",
  "/sys/firmware",
];
const READ_ONLY = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"];

const SYSTEM_MOUNTS: readonly Mount[] = [
  { destination: "/proc", type: "proc", source: "proc", options: ["nosuid", "noexec", "nodev"] },
  { destination: "/dev", type: "tmpfs", source: "tmpfs", options: ["nosuid", "mode=755", "size=65536k"] },
  { destination: "/sys", type: "sysfs", source: "sysfs", options: ["nosuid", "noexec", "nodev", "ro"] },
];

export function ociConfig(
  pod: DaemonPod,
  container: DaemonContainer,
  surroundings: ContainerSurroundings,
): Readonly<Record<string, unknown>> {
  const { securityContext } = container;
  const { rootDirectory, image, command, seccomp } = surroundings;
  if (securityContext.privileged === true) throw new Error("a privileged container is another matter");
  if (pod.securityContext?.seccompProfile?.type !== "RuntimeDefault")
    throw new Error("which seccomp profile?");
  if (securityContext.capabilities?.drop?.join() !== "ALL")
    throw new Error("capabilities stay that were not added");
  const capabilities = (securityContext.capabilities.add ?? []).map((name) => `CAP_${name}`);
  return {
    ociVersion: "1.0.2",
    hostname: "node",
    root: { path: rootDirectory, readonly: securityContext.readOnlyRootFilesystem === true },
    process: {
      user: { uid: securityContext.runAsUser ?? 0, gid: securityContext.runAsGroup ?? 0 },
      args: [...command, ...container.args],
      env: ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],
      cwd: "/",
      noNewPrivileges: securityContext.allowPrivilegeEscalation === false,
      capabilities: { bounding: capabilities, effective: capabilities, permitted: capabilities },
    },
    mounts: [
      ...SYSTEM_MOUNTS,
      ...Object.entries(image).map(([destination, source]) => bind(source, destination, true)),
      ...container.volumeMounts.map(({ name, mountPath, readOnly }) =>
        bind(sourceOf(pod.volumes, name, surroundings), mountPath, readOnly === true),
      ),
    ],
    linux: {
      // The pod is on the host's network: that of the process that starts it.
      namespaces: ["pid", "mount", "ipc", "uts"].map((type) => ({ type })),
      maskedPaths: MASKED,
      readonlyPaths: READ_ONLY,
      resources: { devices: [{ allow: false, access: "rwm" }] },
      seccomp: seccomp.forCapabilities(capabilities),
    },
  };
}

function sourceOf(
  volumes: NonNullable<V1PodSpec["volumes"]>,
  name: string,
  { hostPaths, configMaps }: ContainerSurroundings,
): string {
  const volume = volumes.find((each) => each.name === name);
  const source =
    volume?.hostPath === undefined
      ? configMaps[volume?.configMap?.name ?? ""]
      : hostPaths[volume.hostPath.path];
  if (source === undefined) throw new Error(`what is volume ${name}?`);
  return source;
}

function bind(source: string, destination: string, isReadOnly: boolean): Mount {
  return { destination, type: "bind", source, options: ["rbind", "rprivate", isReadOnly ? "ro" : "rw"] };
}
