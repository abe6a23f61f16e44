/** Damage to a node's kernel state by another program. */
import { inNamespace, ipBatch } from "../../src/lab/namespaces.ts";
import { run } from "../../src/runtime/program.ts";
import { whilePaused } from "./daemon-faults.ts";
import type { Fault, Setting, Stage } from "./fault.ts";

/** Devices of their own, by backend. */
const DEVICES: Readonly<Record<string, string>> = {
  vxlan: "flannel.1",
  ipip: "flannel.ipip",
  udp: "flannel0",
};

/** The device by which packets to pods of other nodes leave. */
export function carrierOf(backend: string): string {
  return DEVICES[backend] ?? "eth0";
}

/** Other programs make it with settings of their own, which the daemon replaces or corrects. */
const MADE_ANEW: Readonly<Record<string, string>> = {
  vxlan: "link add flannel.1 mtu 1300 type vxlan id 1 dstport 8472 dev eth0",
  ipip: "link add flannel.ipip mtu 1300 type ipip",
};

function deviceOf({ backend }: Setting): string {
  const device = DEVICES[backend];
  if (device === undefined) throw new Error(`the backend ${backend} has no device`);
  return device;
}

const batch = ({ victim }: Stage, lines: readonly string[]) => ipBatch(victim.namespace, lines);

export const KERNEL_FAULTS: readonly Fault[] = [
  {
    title: "device deleted",
    hits: "kernel state",
    appliesTo: ({ backend }) => backend in DEVICES,
    inflict: (stage) => batch(stage, [`link delete ${deviceOf(stage)}`]),
  },
  {
    title: "device deleted and made anew by another program",
    hits: "kernel state",
    appliesTo: ({ backend }) => backend in MADE_ANEW,
    // Paused, or the daemon is faster than the other program, whose device the kernel then refuses.
    inflict: (stage) =>
      whilePaused(stage, () =>
        batch(stage, [
          `link delete ${deviceOf(stage)}`,
          MADE_ANEW[stage.backend] ?? "",
          `link set ${deviceOf(stage)} up`,
        ]),
      ),
  },
  {
    title: "routes to all peers deleted",
    hits: "kernel state",
    inflict: (stage) => {
      const which = stage.backend in DEVICES ? `dev ${deviceOf(stage)}` : "proto 116";
      return batch(stage, [`route flush ${which}`]);
    },
  },
  {
    title: "all rules of nftables deleted",
    hits: "kernel state",
    inflict: async ({ victim }) => {
      await run("ip", inNamespace(victim.namespace, ["nft", "flush", "ruleset"]));
    },
  },
];
