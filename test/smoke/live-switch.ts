/** The network configuration names another backend while a pod pings another one. */
import type { Lab } from "../../src/lab/lab.ts";
import type { LabNode } from "../../src/lab/topology.ts";
import { run } from "../../src/runtime/program.ts";
import { TUN } from "./kernel-feature.ts";
import { labNode } from "./lab-node.ts";
import { pingMesh } from "./mesh.ts";
import type { Check } from "./scene.ts";
import { waitUntil } from "./wait-until.ts";

/** By which device packets leave the host, by backend. */
const DEVICES = { "host-gw": "eth0", udp: "flannel0", vxlan: "flannel.1" } as const;
const PING_INTERVAL_MS = 50;

export const BACKENDS_SWITCH: Check = {
  title: "live switch: vxlan to host-gw, to udp, and back",
  needs: [TUN],
  run: async (lab, signal) => {
    const [first, second] = [labNode(lab, 1), labNode(lab, 2)];
    const daemons = lab.nodes.map((node) => lab.daemonPid(node));
    const stream = await lab.startPings(first, second, PING_INTERVAL_MS);
    try {
      for (const type of ["host-gw", "udp", "vxlan"] as const) {
        await lab.configure({ Type: type });
        await untilCarriedBy(lab, DEVICES[type], [first, second], signal);
        await pingMesh(lab);
      }
    } catch (error) {
      await stream.stop();
      throw error;
    }
    const [result] = await stream.stop();
    if (result === undefined || result.received === 0) throw new Error("no ping was answered");
    for (const pid of daemons) process.kill(pid, 0);
    return `${result.sent} pings, ${result.lost} lost, at most ${result.longestLoss} in a row`;
  },
};

/** Waits until each of these nodes sends to each other one by the device. */
export async function untilCarriedBy(
  lab: Lab,
  device: string,
  nodes: readonly LabNode[],
  signal: AbortSignal,
): Promise<void> {
  const pairs = nodes.flatMap((from) => nodes.filter((to) => to !== from).map((to) => ({ from, to })));
  await waitUntil(`carry all ways by ${device}`, signal, async () => {
    const devices = await Promise.all(pairs.map(({ from, to }) => deviceTo(lab, from, to)));
    return devices.every((each) => each === device) ? null : devices.join(" and ");
  });
}

/** The device by which one node sends to the other's pod. */
export async function deviceTo(lab: Lab, from: LabNode, to: LabNode): Promise<string> {
  const { v4 } = await lab.podIps(to);
  const routes = JSON.parse(await run("ip", ["-n", from.namespace, "-j", "route", "get", String(v4)]));
  return String(routes[0]?.dev);
}
