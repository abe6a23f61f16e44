/** A daemon's token that expires while it runs: the kubelet renews the file, and the daemon has to read it again. */
import { setTimeout as sleep } from "node:timers/promises";
import { waitUntil } from "../../smoke/wait-until.ts";
import type { ClusterCheck } from "./check.ts";
import { install } from "./daemons.ts";
import { MANIFEST, TWEED_NAMESPACE, untilReady } from "./installation.ts";
import { changeBackend } from "./switches.ts";

/** The shortest that the API server grants. */
const LIFETIME_S = 600;
/** From then on it is refused (JWT's leeway is a minute). */
const EXPIRED_MS = (LIFETIME_S + 90) * 1000;
const ANNOTATION = "flannel.alpha.coreos.com/backend-type";

/** Like the volume in every pod, with another lifetime. */
const SHORT_LIVED = {
  spec: {
    template: {
      spec: {
        automountServiceAccountToken: false,
        containers: [
          {
            name: "tweed",
            volumeMounts: [
              { name: "token", mountPath: "/var/run/secrets/kubernetes.io/serviceaccount", readOnly: true },
            ],
          },
        ],
        volumes: [
          {
            name: "token",
            projected: {
              sources: [
                { serviceAccountToken: { path: "token", expirationSeconds: LIFETIME_S } },
                { configMap: { name: "kube-root-ca.crt", items: [{ key: "ca.crt", path: "ca.crt" }] } },
                {
                  downwardAPI: {
                    items: [{ path: "namespace", fieldRef: { fieldPath: "metadata.namespace" } }],
                  },
                },
              ],
            },
          },
        ],
      },
    },
  },
};

export const TOKEN: ClusterCheck = {
  title: `a token of ${LIFETIME_S} s expires and is renewed`,
  isShort: false,
  run: async (bed) => {
    const { cluster, signal } = bed;
    // Even if the daemons have no valid token, the kernel continues to carry packets.
    await changeBackend(bed, { Type: "vxlan" });
    const patch = ["patch", "daemonset/kube-tweed", `--namespace=${TWEED_NAMESPACE}`, "--type=strategic"];
    await cluster.kubectl([...patch, `--patch=${JSON.stringify(SHORT_LIVED)}`]);
    await untilReady(cluster, signal);
    const counts = await bed.withoutLoss(() => sleep(EXPIRED_MS, undefined, { signal }));
    await untilReady(cluster, signal);
    // Each daemon must detect the removal by its watch, and write the annotation again.
    for (const { name } of cluster.nodes) {
      await cluster.kubectl(["annotate", "node", name, `${ANNOTATION}-`]);
      await waitUntil(`publish ${name} again`, signal, async () => {
        const node = JSON.parse(await cluster.kubectl(["get", "node", name, "--output=json"]));
        return node.metadata.annotations[ANNOTATION] === undefined ? "its annotation is not there" : null;
      });
    }
    await cluster.kubectl(["delete", "daemonset/kube-tweed", `--namespace=${TWEED_NAMESPACE}`, "--wait"]);
    await install(bed, MANIFEST);
    return counts;
  },
};
