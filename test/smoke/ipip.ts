/** IP-in-IP, which few kernels at hand have, beside the other backends and on the way from one to the other. */
import type { Lab } from "../../src/lab/lab.ts";
import { IPIP } from "./kernel-feature.ts";
import { labNode } from "./lab-node.ts";
import { deviceTo, untilCarriedBy } from "./live-switch.ts";
import { pingMesh } from "./mesh.ts";
import type { Check } from "./scene.ts";

const PING_INTERVAL_MS = 50;

/**
 * The third node's daemon is away while the others change: its kernel goes on by VXLAN, and so do they towards it. Then it
 * follows, and all go on to host-gw.
 */
export const IPIP_LIVE: Check = {
  title: "ipip: a mesh mixed with vxlan, and a live switch from vxlan by ipip to host-gw without a lost ping",
  needs: [IPIP],
  run: async (lab, signal) => {
    const [first, second, third] = [labNode(lab, 1), labNode(lab, 2), labNode(lab, 3)];
    const streams = [
      await lab.startPings(first, second, PING_INTERVAL_MS),
      await lab.startPings(first, third, PING_INTERVAL_MS),
    ];
    try {
      await lab.stopDaemon(third, "SIGKILL");
      await lab.configure({ Type: "ipip" });
      await untilCarriedBy(lab, "flannel.ipip", [first, second], signal);
      for (const node of [first, second]) {
        const device = await deviceTo(lab, node, third);
        if (device !== "flannel.1") throw new Error(`${node.name} sends to ${third.name} by ${device}`);
      }
      await pingMesh(lab);
      await lab.startDaemon(third);
      await untilCarriedBy(lab, "flannel.ipip", [first, second, third], signal);
      await pingMesh(lab);
      await lab.configure({ Type: "host-gw" });
      await untilCarriedBy(lab, "eth0", [first, second, third], signal);
      await pingMesh(lab);
    } catch (error) {
      for (const stream of streams) await stream.stop();
      throw error;
    }
    return await lossOf(streams);
  },
};

type Stream = Awaited<ReturnType<Lab["startPings"]>>;

async function lossOf(streams: readonly Stream[]): Promise<string> {
  const results = [];
  for (const stream of streams) results.push(...(await stream.stop()));
  const sent = results.reduce((sum, result) => sum + result.sent, 0);
  const lost = results.reduce((sum, result) => sum + result.lost, 0);
  if (sent === 0 || lost > 0) throw new Error(`${lost} of ${sent} pings lost`);
  return `${sent} pings, none lost`;
}
