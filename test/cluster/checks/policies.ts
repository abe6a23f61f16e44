/**
 * NetworkPolicy objects, enforced by another program beside Tweed: a policy blocks what it denies and passes what it
 * allows.
 */
import { waitUntil } from "../../smoke/wait-until.ts";
import { urlHost } from "../address-plan.ts";
import type { ClusterCheck } from "./check.ts";
import { ask } from "./requests.ts";
import { podSender } from "./ways.ts";
import { WEB_PORT, type Workload } from "./workload.ts";

const NAME = "deny-web";
const DENIAL = {
  apiVersion: "networking.k8s.io/v1",
  kind: "NetworkPolicy",
  metadata: { name: NAME },
  spec: { podSelector: { matchLabels: { app: "web" } }, policyTypes: ["Ingress"] },
};

export const POLICIES: ClusterCheck = {
  title: "a network policy that denies denies",
  isShort: false,
  run: async (bed) => {
    const workload = await bed.workload();
    await bed.cluster.apply(JSON.stringify(DENIAL));
    await waitUntil("deny requests between pods", bed.signal, async () => {
      const answered = await answeredOf(workload);
      return answered.length === 0 ? null : `answered: ${answered.join("; ")}`;
    });
    await bed.cluster.kubectl(["delete", "networkpolicy", NAME]);
    await waitUntil("allow requests again", bed.signal, async () => {
      const { length } = await answeredOf(workload);
      const all = urlsOf(workload).length;
      return length === all ? null : `${length} of ${all} are answered`;
    });
    return `${urlsOf(workload).length} ways denied, then allowed again`;
  },
};

/** From each pod to each pod of another node. */
function urlsOf({ pods }: Workload) {
  return pods.flatMap((from) =>
    pods
      .filter((to) => to !== from)
      .flatMap((to) =>
        to.addresses.map((ip) => ({ from, url: `http://${urlHost(ip)}:${WEB_PORT}/hostname` })),
      ),
  );
}

async function answeredOf(workload: Workload): Promise<string[]> {
  const answers = urlsOf(workload).map(async ({ from, url }) => {
    const [answer] = await ask(podSender(from), [url]);
    return answer?.status === 200 ? [`${from.node.name} to ${url}`] : [];
  });
  return (await Promise.all(answers)).flat();
}
