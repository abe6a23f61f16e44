/** flannel's udp takes a node over from a daemon that was stopped or killed: nothing that is left is in its way. */
import { resolve } from "node:path";
import { test } from "vitest";
import { pingMesh } from "../../src/lab/mesh.ts";
import type { StopSignal } from "../../src/lab/process.ts";
import { parseIp } from "../../src/net/index.ts";
import { DaemonProcess } from "../support/daemon-process.ts";
import { DEADLINE_MS, eventually } from "../support/eventually.ts";
import { useLab } from "../support/test-lab.ts";

const bed = useLab({ name: "udpback", nodes: 2, backend: { Type: "udp" }, store: "file", families: "v4" });

test.each<StopSignal>(["SIGTERM", "SIGKILL"])("after %s, and Tweed takes it back", async (signal) => {
  const [peer, node] = [bed.node(1), bed.node(2)];
  const [peerIp, podIp] = (await Promise.all([peer, node].map((each) => bed.lab.podIps(each)))).map(
    ({ v4 }) => String(v4),
  ) as [string, string];
  const subnetOf = (ip: string) => ip.replace(/\.\d+$/, "");
  await bed.lab.stopDaemon(node, signal);
  const flanneld = DaemonProcess.start(node.namespace, [
    process.execPath,
    resolve("test/support/plain-udp-peer.mjs"),
    "198.18.1.2",
    `${subnetOf(podIp)}.0`,
    "10.244.0.0/16",
    `${subnetOf(peerIp)}=198.18.1.1`,
  ]);
  try {
    await eventually(() => flanneld.output).toContain("forwarding by flannel0");
    await eventually(() => lost(node.podNamespace, peerIp)).toBe(0);
    await eventually(() => lost(peer.podNamespace, podIp)).toBe(0);
  } finally {
    await flanneld.stop();
  }
  await bed.lab.startDaemon(node);
  await bed.lab.waitUntilReady(node);
  await bed.lab.waitForMesh(DEADLINE_MS);
});

async function lost(from: string, ip: string): Promise<number> {
  const result = await pingMesh([{ name: "from", namespace: from }], [{ name: "to", ip: parseIp(ip) }], {
    count: 5,
    intervalMs: 5,
    timeoutMs: 1000,
  });
  return result.lost;
}
