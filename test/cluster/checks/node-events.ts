/** Disturbances of nodes: restarted programs, a deleted Node, a reboot, an API server outage. */
import { setTimeout as sleep } from "node:timers/promises";
import { containsIp, parsePrefix, tryParseIp } from "../../../src/net/index.ts";
import { waitUntil } from "../../smoke/wait-until.ts";
import type { CheckBed, ClusterCheck } from "./check.ts";
import { daemonStatus, untilReady } from "./installation.ts";
import { changeBackend } from "./switches.ts";
import { formatLosses } from "./traffic.ts";
import { checkEveryWay } from "./ways-checks.ts";

/** Duration of the API server outage. */
const OUTAGE_MS = { short: 15_000, long: 60_000 };

export const PROGRAMS_RESTARTED: ClusterCheck = {
  title: "kubelet and containerd restarted on every node",
  isShort: true,
  run: async (bed) => {
    await changeBackend(bed, { Type: "vxlan" });
    return bed.withoutLoss(async () => {
      for (const node of bed.cluster.nodes) {
        await node.restartContainerd();
        await node.restartKubelet();
      }
      await untilReady(bed.cluster, bed.signal);
    });
  },
};

export const API_SERVER_AWAY: readonly ClusterCheck[] = [true, false].map((isShort) => {
  const outageMs = isShort ? OUTAGE_MS.short : OUTAGE_MS.long;
  return {
    title: `API server away for ${outageMs / 1000} s, and pods created right after`,
    isShort,
    run: async (bed) => {
      const counts = await bed.withoutLoss(async () => {
        await bed.cluster.controlPlane.stopApiServer();
        await sleep(outageMs, undefined, { signal: bed.signal });
        await bed.cluster.controlPlane.startApiServer();
      });
      await bed.cluster.kubectl(["rollout", "restart", "daemonset/web"]);
      await waitUntil("replace all pods", bed.signal, async () => {
        const status = await bed.cluster.kubectl(["rollout", "status", "daemonset/web", "--watch=false"]);
        return status.includes("successfully rolled out") ? null : status.trim();
      });
      await everyWay(bed);
      return `${counts}; then all ways of new pods`;
    },
  };
});

export const REBOOT: ClusterCheck = {
  title: "a node rebooted",
  isShort: true,
  run: async (bed) => {
    const [rebooted, ...others] = bed.cluster.nodes;
    if (rebooted === undefined) throw new Error("the cluster has no node");
    const names = others.map(({ name }) => name);
    const losses = await bed.losses(async () => {
      await rebooted.reboot();
      await untilReady(bed.cluster, bed.signal);
    }, names);
    // A request to a service may go to the stopped pod until its node is known to be down.
    if (losses.pings === 0 || losses.pingsLost > 0) throw new Error(formatLosses(losses));
    await everyWay(bed);
    return `between the others ${formatLosses({ ...losses, reasons: [] })}; then all ways`;
  },
};

export const REGISTERED_ANEW: ClusterCheck = {
  title: "a node deleted and registered anew, with another podCIDR",
  isShort: false,
  run: async (bed) => {
    const node = bed.cluster.nodes.at(-1);
    if (node === undefined) throw new Error("the cluster has no node");
    const podCidr = () =>
      bed.cluster.kubectl(["get", "node", node.name, "--output=jsonpath={.spec.podCIDR}"]);
    const before = await podCidr();
    await bed.cluster.kubectl(["delete", "node", node.name]);
    await node.restartKubelet();
    let after = "";
    await waitUntil("register the node anew", bed.signal, async () => {
      after = await podCidr().catch(() => "");
      return after === "" ? "it has no podCIDR" : null;
    });
    if (after === before) throw new Error(`it has ${after} again`);
    // kube-proxy ends when the podCIDRs of its Node change; as a DaemonSet it would be started again.
    await node.restartProxy();
    await waitUntil("give the node's pods addresses of the new subnet", bed.signal, async () => {
      const status = await daemonStatus(node);
      if (typeof status === "string") return status;
      // A Node that is created again before its pods are collected retains them on the previous subnet, and its daemon
      // asks to drain it.
      if (status.reasons.some((reason) => reason.includes("kubectl drain")))
        await bed.cluster.kubectl(["delete", "pods", ...podsOn(node.name)]);
      const ips = await bed.cluster.kubectl(["get", "pods", ...podsOn(node.name), POD_IPS]);
      const former = ips.split(" ").find((text) => {
        const ip = tryParseIp(text);
        return ip === null || !containsIp(parsePrefix(after), ip);
      });
      return former === undefined ? null : `a pod has the address ${JSON.stringify(former)}`;
    });
    await untilReady(bed.cluster, bed.signal);
    await everyWay(bed);
    return `${before}, then ${after}; all ways`;
  },
};

const POD_IPS = "--output=jsonpath={.items[*].status.podIP}";

/** Arguments of kubectl that select the pods of a node with their own network. */
function podsOn(nodeName: string): readonly string[] {
  return ["--all-namespaces", `--field-selector=spec.nodeName=${nodeName},spec.hostNetwork=false`];
}

async function everyWay(bed: CheckBed): Promise<void> {
  await untilReady(bed.cluster, bed.signal);
  await checkEveryWay(bed);
}
