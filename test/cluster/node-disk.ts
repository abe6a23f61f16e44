/** A node's disk: the configuration and the data of its programs. */
import { randomBytes, randomUUID } from "node:crypto";
import { copyFile, mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Host } from "./address-plan.ts";
import { containerdConfig } from "./containerd-config.ts";
import { kubeProxyConfig } from "./kube-proxy-config.ts";
import { kubeletConfig } from "./kubelet-config.ts";
import { MACHINE_PATHS } from "./machine-paths.ts";
import { BOOT_ID, diskDirectories, KERNEL_SETTINGS, kernelFile, nodeMounts } from "./node-mounts.ts";
import type { Families, ProxyMode } from "./options.ts";
import type { Pki } from "./pki.ts";

export interface NodeDiskSettings {
  readonly families: Families;
  readonly proxy: ProxyMode;
  readonly host: Host;
  readonly cgroup: string;
  readonly sandboxImage: string;
  readonly pki: Pki;
  /** Directory with the programs of Kubernetes. */
  readonly programs: string;
}

/** Once, before the first boot. */
export async function prepareDisk(disk: string, settings: NodeDiskSettings): Promise<void> {
  const { families, proxy, host, cgroup, sandboxImage, pki, programs } = settings;
  const { name } = host;
  const put = async (path: string, text: string) => {
    const file = join(disk, path);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, text);
  };
  for (const directory of diskDirectories(disk)) await mkdir(directory, { recursive: true });
  await put("etc/hostname", `${name}\n`);
  await put("etc/machine-id", `${randomBytes(16).toString("hex")}\n`);
  await put("etc/hosts", hostsFile(host));
  await put(MACHINE_PATHS.resolvConf, "# No name server: there is no way out of the cluster.\n");
  await put(MACHINE_PATHS.containerdConfig, containerdConfig(sandboxImage));
  await put(MACHINE_PATHS.kubeletConfig, JSON.stringify(kubeletConfig({ families, cgroup })));
  await put(MACHINE_PATHS.proxyConfig, JSON.stringify(kubeProxyConfig({ families, proxy, nodeName: name })));
  const copies = [
    [pki.file("ca.crt"), MACHINE_PATHS.authority],
    [pki.file(`kubelet-${name}.crt`), MACHINE_PATHS.kubeletCertificate],
    [pki.file(`kubelet-${name}.key`), MACHINE_PATHS.kubeletKey],
    [pki.kubeconfigFile(`kubelet-${name}`), MACHINE_PATHS.kubeletKubeconfig],
    [pki.kubeconfigFile("kube-proxy"), MACHINE_PATHS.proxyKubeconfig],
  ] as const;
  for (const [from, to] of copies) await copyFile(from, join(disk, to));
  for (const [setting, value] of Object.entries(KERNEL_SETTINGS))
    await writeFile(kernelFile(disk, setting), `${value}\n`);
  await writeFile(mountTable(disk), nodeMounts({ disk, programs }));
}

/** Before each boot. */
export async function renewBootId(disk: string): Promise<void> {
  await writeFile(kernelFile(disk, BOOT_ID), `${randomUUID()}\n`);
}

export function mountTable(disk: string): string {
  return join(disk, "fstab");
}

function hostsFile({ name, ips }: Host): string {
  const own = [ips.v4, ips.v6].flatMap((ip) => (ip === null ? [] : [`${ip} ${name}`]));
  return `${["127.0.0.1 localhost", "::1 localhost", ...own].join("\n")}\n`;
}
