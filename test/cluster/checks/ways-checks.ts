/** Every path through the network, DNS and the API server, for a cluster at rest. */
import { type Ip, tryParseIp } from "../../../src/net/index.ts";
import { waitUntil } from "../../smoke/wait-until.ts";
import { urlHost } from "../address-plan.ts";
import type { Cluster } from "../cluster.ts";
import type { CheckBed, ClusterCheck } from "./check.ts";
import { ask } from "./requests.ts";
import { faultsOf, podSender, waysThrough } from "./ways.ts";
import { NAMESPACE } from "./workload.ts";

export const EVERY_WAY: ClusterCheck = {
  title: "every way: pods, nodes, ClusterIP, NodePort, hairpin, large bodies",
  isShort: true,
  run: async (bed) => {
    const count = await checkEveryWay(bed);
    return `${count} of ${count} ways`;
  },
};

/** kube-proxy and probes need some time after pods have started. @returns the number of ways */
export async function checkEveryWay(bed: CheckBed): Promise<number> {
  let count = 0;
  await waitUntil("go every way", bed.signal, async () => {
    const ways = waysThrough(await bed.workload());
    count = ways.length;
    // A pod that is replaced meanwhile loses its network namespace.
    const faults = await faultsOf(ways).catch((error: Error) => [error.message]);
    return faults.length === 0 ? null : `${faults.length} of ${count}: ${faults.slice(0, 8).join("; ")}`;
  });
  return count;
}

export const NAMES: ClusterCheck = {
  title: "names of services, by a DNS server in pods",
  isShort: true,
  run: async (bed) => {
    const { pods, services } = await bed.workload();
    const asked = services.anywhere.ips.map((ip) => ({ ip, type: ip.includes(":") ? "AAAA" : "A" }));
    for (const pod of pods) {
      for (const { ip, type } of asked) {
        await waitUntil(`resolve a name on ${pod.node.name}`, bed.signal, async () => {
          const dig = ["dig", "+short", "+time=2", "+tries=1", type, "anywhere.default.svc.cluster.local"];
          const words = ["exec", pod.name, `--namespace=${NAMESPACE}`, "--", ...dig];
          const answer = (await bed.cluster.kubectl(words).catch((error: Error) => error.message)).trim();
          return answer === ip ? null : `${type} is ${JSON.stringify(answer)}, not ${ip}`;
        });
      }
    }
    return `${pods.length * asked.length} look-ups, by kubectl exec`;
  },
};

export const API_SERVER: ClusterCheck = {
  title: "the API server from pods",
  isShort: true,
  run: async (bed) => {
    const { pods } = await bed.workload();
    const ip = await kubernetesService(bed.cluster);
    for (const pod of pods) {
      const [answer] = await ask(podSender(pod), [`https://${urlHost(ip)}/readyz`]);
      if (answer?.status !== 200) throw new Error(`${pod.node.name}: ${answer?.status} ${answer?.body}`);
    }
    return `${pods.length} of ${pods.length} pods, at ${ip}`;
  },
};

async function kubernetesService(cluster: Cluster): Promise<Ip> {
  const words = ["get", "service", "kubernetes", "--output=jsonpath={.spec.clusterIP}"];
  const ip = tryParseIp(await cluster.kubectl(words));
  if (ip === null) throw new Error("the service kubernetes has no address");
  return ip;
}
