/** Disturbances of the daemons of a running cluster: restarts, a deleted DaemonSet, other ways to install them. */
import { setTimeout as sleep } from "node:timers/promises";
import { type CheckBed, type ClusterCheck, timed } from "./check.ts";
import {
  installable,
  MANIFEST,
  nodeConditions,
  nudgeKubelets,
  TWEED_NAMESPACE,
  untilCarriedBy,
  untilReady,
  WAYS_TO_INSTALL,
  type WayToInstall,
} from "./installation.ts";
import { changeBackend } from "./switches.ts";
import { formatLosses } from "./traffic.ts";

const DAEMON_SET = ["daemonset/kube-tweed", `--namespace=${TWEED_NAMESPACE}`];
/** Duration without daemons. */
const ABSENCE_MS = 10_000;

export const INSTALLATION: ClusterCheck = {
  title: "the shipped manifest: from apply to all nodes ready",
  isShort: true,
  run: async (bed) => {
    const before = await nodeConditions(bed.cluster);
    const early = before.filter(({ ready }) => ready);
    if (early.length > 0)
      throw new Error(`${early.map(({ name }) => name).join()} are ready without a network`);
    const took = await timed(() => install(bed, MANIFEST));
    const without = (await nodeConditions(bed.cluster)).filter((node) => node.networkUnavailable !== "False");
    if (without.length > 0)
      throw new Error(`${without.map(({ name }) => name).join()}: NetworkUnavailable is not False`);
    return took;
  },
};

export const RESTARTS: readonly ClusterCheck[] = ["vxlan", "host-gw", "udp"].map((backend) => ({
  title: `rolling restart, ${backend}`,
  isShort: backend === "vxlan",
  run: async (bed) => {
    await changeBackend(bed, { Type: backend });
    const losses = await bed.losses(async () => {
      await bed.cluster.kubectl(["rollout", "restart", ...DAEMON_SET]);
      await untilReady(bed.cluster, bed.signal);
    });
    // The daemon itself carries the packets of udp.
    const carries = backend === "udp";
    if (losses.pings === 0 || (!carries && losses.pingsLost + losses.requestsFailed > 0))
      throw new Error(formatLosses(losses));
    return formatLosses(losses);
  },
}));

export const REINSTALLATION: ClusterCheck = {
  title: "DaemonSet deleted and applied again",
  isShort: true,
  run: async (bed) => {
    await changeBackend(bed, { Type: "vxlan" });
    return bed.withoutLoss(async () => {
      await bed.cluster.kubectl(["delete", ...DAEMON_SET, "--wait"]);
      await sleep(ABSENCE_MS, undefined, { signal: bed.signal });
      await install(bed, MANIFEST);
    });
  },
};

export const OTHER_INSTALLATIONS: readonly ClusterCheck[] = WAYS_TO_INSTALL.map((way) => ({
  title: `installed by the ${way.name}, over what runs`,
  isShort: false,
  run: async (bed) => {
    const losses = await bed.losses(async () => {
      await install(bed, way);
      await nudgeKubelets(bed.cluster);
      await untilCarriedBy(bed.cluster, way.backend, bed.signal);
    });
    if (losses.pings === 0) throw new Error("nothing was sent");
    return formatLosses(losses);
  },
}));

export async function install(bed: CheckBed, way: WayToInstall): Promise<void> {
  const { families } = bed.cluster.options;
  const config = families === "v4" ? null : bed.config({ Type: way.backend });
  await bed.cluster.apply(installable(await way.render(), bed.image, config));
  await untilReady(bed.cluster, bed.signal);
}
