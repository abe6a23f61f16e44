/**
 * The mounts of a node's mount namespace, as lines of fstab(5), in this order. All other files are those of the machine
 * that runs the cluster. All writes of a node stay on its disk:
 *
 *     DISK/etc, DISK/opt    upper layers above /etc and /opt
 *     DISK/cni              /etc/cni/net.d
 *     DISK/var/lib          /var/lib: kubelet, containerd, cni
 *     DISK/var/log          /var/log
 *     DISK/kernel/…         files in place of settings that a kubelet sets for the whole kernel
 */
import { join } from "node:path";
import { MACHINE_PATHS } from "./machine-paths.ts";

export interface NodeMountSources {
  /** Directory that outlives a reboot. */
  readonly disk: string;
  /** Directory with the programs of Kubernetes. */
  readonly programs: string;
}

/** The path in Debian's package; they are also mounted at the path that all manifests use. */
export const CNI_PLUGINS = "/usr/lib/cni";

/**
 * A kubelet sets these, or does not start (pkg/kubelet/cm/container_manager_linux.go, setupKernelTunables), and they do
 * not belong to a namespace. Files with the expected values are mounted over them, so the real ones do not change.
 */
export const KERNEL_SETTINGS: Readonly<Record<string, string>> = {
  "vm/overcommit_memory": "1",
  "vm/panic_on_oom": "0",
  "kernel/panic": "10",
  "kernel/panic_on_oops": "1",
  "kernel/keys/root_maxkeys": "1000000",
  "kernel/keys/root_maxbytes": "25000000",
};
/** Changes with each reboot; kubelets detect a reboot by it. */
export const BOOT_ID = "kernel/random/boot_id";

const OVERLAYS = ["etc", "opt"];

/** The file on the disk for one below /proc/sys, in a flat directory. */
export function kernelFile(disk: string, setting: string): string {
  return join(disk, "kernel", setting.replaceAll("/", "."));
}

/** Directories that must exist before the mounts. */
export function diskDirectories(disk: string): string[] {
  const layers = OVERLAYS.flatMap((name) => [name, `.${name}`]);
  return [...layers, "var/lib", "var/log", "cni", "kernel"].map((path) => join(disk, path));
}

export function nodeMounts({ disk, programs }: NodeMountSources): string {
  const lines = [
    ...OVERLAYS.map((name) => overlay(disk, name)),
    bind(programs, MACHINE_PATHS.kubernetes),
    bind(CNI_PLUGINS, MACHINE_PATHS.cniPlugins),
    // The host's own CNI networks do not belong to the cluster.
    bind(join(disk, "cni"), MACHINE_PATHS.cniConfigurations),
    // A kubelet propagates the mounts below to containers that request it.
    bind(join(disk, "var/lib"), "/var/lib", "shared"),
    bind(join(disk, "var/log"), "/var/log"),
    ...[...Object.keys(KERNEL_SETTINGS), BOOT_ID].map((name) =>
      bind(kernelFile(disk, name), `/proc/sys/${name}`),
    ),
    // Last, because sources of earlier mounts may be below them. mount(8) skips a file system whose source name is
    // already mounted, so the name differs from the host's.
    "tw-run /run tmpfs mode=0755,shared 0 0",
    "tw-tmp /tmp tmpfs mode=1777 0 0",
  ];
  return `${lines.join("\n")}\n`;
}

function overlay(disk: string, name: string): string {
  const layers = `lowerdir=/${name},upperdir=${field(join(disk, name))},workdir=${field(join(disk, `.${name}`))}`;
  return `tw-${name} /${name} overlay ${layers} 0 0`;
}

function bind(source: string, target: string, ...options: readonly string[]): string {
  return `${field(source)} ${target} none ${["bind", "X-mount.mkdir", ...options].join(",")} 0 0`;
}

/** Escapes spaces as in fstab(5). */
function field(path: string): string {
  return path.replaceAll("\\", "\\134").replaceAll(" ", "\\040").replaceAll("\t", "\\011");
}
