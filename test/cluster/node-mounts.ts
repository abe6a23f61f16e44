/**
 * What a node's mount namespace has of its own, as lines of fstab(5), mounted in this order. All else is the machine's that
 * the cluster runs on. Nothing that a node writes gets out of its disk:
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

/** Debian's package puts them here; pods' networks are set up with those at the place that all manifests know. */
export const CNI_PLUGINS = "/usr/lib/cni";

/**
 * A kubelet sets these, or does not start (pkg/kubelet/cm/container_manager_linux.go, setupKernelTunables), and they are not
 * a namespace's. It finds what it wants in files mounted over them, and the real ones stay as they are.
 */
export const KERNEL_SETTINGS: Readonly<Record<string, string>> = {
  "vm/overcommit_memory": "1",
  "vm/panic_on_oom": "0",
  "kernel/panic": "10",
  "kernel/panic_on_oops": "1",
  "kernel/keys/root_maxkeys": "1000000",
  "kernel/keys/root_maxbytes": "25000000",
};
/** Another one after each reboot; kubelets tell a reboot by it. */
export const BOOT_ID = "kernel/random/boot_id";

const OVERLAYS = ["etc", "opt"];

/** A file below /proc/sys, as it lies on the disk: without folders. */
export function kernelFile(disk: string, setting: string): string {
  return join(disk, "kernel", setting.replaceAll("/", "."));
}

/** What has to be there before anything is mounted. */
export function diskDirectories(disk: string): string[] {
  const layers = OVERLAYS.flatMap((name) => [name, `.${name}`]);
  return [...layers, "var/lib", "var/log", "cni", "kernel"].map((path) => join(disk, path));
}

export function nodeMounts({ disk, programs }: NodeMountSources): string {
  const lines = [
    ...OVERLAYS.map((name) => overlay(disk, name)),
    bind(programs, MACHINE_PATHS.kubernetes),
    bind(CNI_PLUGINS, MACHINE_PATHS.cniPlugins),
    // The host's own networks are not the cluster's.
    bind(join(disk, "cni"), MACHINE_PATHS.cniConfigurations),
    // A kubelet shares the mounts below with containers that ask for it.
    bind(join(disk, "var/lib"), "/var/lib", "shared"),
    bind(join(disk, "var/log"), "/var/log"),
    ...[...Object.keys(KERNEL_SETTINGS), BOOT_ID].map((name) =>
      bind(kernelFile(disk, name), `/proc/sys/${name}`),
    ),
    // Last: what comes before may lie below them. mount(8) passes over a file system that it finds mounted by its source's
    // name, so that name is another than the host's.
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

/** Blanks as fstab(5) writes them. */
function field(path: string): string {
  return path.replaceAll("\\", "\\134").replaceAll(" ", "\\040").replaceAll("\t", "\\011");
}
