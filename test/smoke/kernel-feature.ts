/** What a kernel may lack, found out by using it in a namespace. */
import { createNamespace, deleteNamespaces, inNamespace } from "../../src/lab/namespaces.ts";
import { TweedError } from "../../src/runtime/error.ts";
import { run } from "../../src/runtime/program.ts";

export interface KernelFeature {
  readonly name: string;
  /** Fails where the kernel lacks the feature. */
  readonly trial: readonly string[];
  readonly input?: string;
}

const NAT_TABLE = `table ip trial {
  counter forged { }
  chain trial { type nat hook postrouting priority 100; counter name forged masquerade fully-random; }
}`;

export const VXLAN: KernelFeature = {
  name: "vxlan devices",
  trial: ["ip", "link", "add", "trial", "type", "vxlan", "id", "1", "dstport", "8472"],
};
export const TUN: KernelFeature = {
  name: "TUN devices",
  trial: ["ip", "tuntap", "add", "dev", "trial0", "mode", "tun"],
};
export const IPIP: KernelFeature = {
  name: "IP-in-IP devices",
  trial: ["ip", "link", "add", "trial", "type", "ipip", "local", "192.0.2.1"],
};
export const NFTABLES: KernelFeature = {
  name: "nftables with NAT",
  trial: ["nft", "-f", "-"],
  input: NAT_TABLE,
};
export const IPTABLES: KernelFeature = {
  name: "iptables with NAT",
  trial: ["iptables", "-t", "nat", "-A", "POSTROUTING", "-j", "MASQUERADE", "--random-fully"],
};

const NAMESPACE = "tw-smoke-trial";

/** Why the kernel does not have it, or null when it does. */
export async function whyAbsent({ name, trial, input }: KernelFeature): Promise<string | null> {
  await deleteNamespaces([NAMESPACE]);
  await createNamespace(NAMESPACE);
  try {
    await run("ip", inNamespace(NAMESPACE, trial), { ...(input === undefined ? {} : { input }) });
    return null;
  } catch (error) {
    if (!(error instanceof TweedError) || error.code !== "program-failed") throw error;
    return `${name}: ${error.message}`;
  } finally {
    await deleteNamespaces([NAMESPACE]);
  }
}
