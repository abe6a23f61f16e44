/** What operators do to the cluster. */
import type { Lease } from "../../src/lease/lease.ts";
import type { Acts } from "./acts.ts";
import { addressOf, BACKEND_OPTIONS, NETWORKS, type SimulatedCluster } from "./cluster.ts";
import { CATCH_UP_MS } from "./grace.ts";
import type { OperatorStepName } from "./step.ts";

/** Between the restarts of two daemons. */
const ROLLING_MS = 500;

export const OPERATOR_ACTS: Acts<OperatorStepName> = {
  configure: (cluster, { backend }) => {
    cluster.backend = backend % BACKEND_OPTIONS.length;
    cluster.configure();
  },
  "configure badly": (cluster, { text }) => cluster.configureBadly(text),
  renumber: (cluster, { network }) => {
    const wanted = network % NETWORKS.length;
    if (wanted !== cluster.network) renumber(cluster, wanted);
  },
  /** For an address that no host has. */
  reserve: ({ store, network, isDual }, { subnet, ip }) => {
    const number = 1 + (subnet % 190);
    const prefix = NETWORKS[network]?.replace(".", ":");
    const part = isDual ? `fd00:${prefix}:${number.toString(16)}::` : null;
    const v4 = `${NETWORKS[network]}.${number}.0`;
    const key = `${v4}-24${part === null ? "" : `&${part}-64`}`;
    // An operator does not reserve what a node has already in one family, with another subnet in the other.
    const isTaken = ({ key: other, subnets }: Lease) =>
      other !== key && (subnets.v4 === `${v4}/24` || subnets.v6 === `${part}/64`);
    if (store.leases().some(isTaken)) return;
    store.reserve?.(key, addressOf(7 + (ip % 10), 4));
  },
  release: (cluster, { host }) => {
    const { name } = cluster.hostAt(host);
    // Its peers withdraw it until they see its next lease.
    cluster.disturbances.disturb(cluster.indexAt(host), CATCH_UP_MS);
    for (const { key, identity } of cluster.store.leases())
      if (key === name || identity?.hostName === name) cluster.store.releaseLease(key);
  },
};

/** Another network requires new pods and a restart of every daemon. */
function renumber(cluster: SimulatedCluster, network: number): void {
  cluster.network = network;
  cluster.wasRenumbered = true;
  cluster.configure();
  cluster.store.renumber?.(cluster.networkPrefix, cluster.networkPrefix6);
  const { time } = cluster;
  for (const [index, host] of cluster.hosts.entries()) {
    cluster.disturbances.awaitReady(index);
    time.wakeAt(time.nowMs + ROLLING_MS * index, () => {
      host.kill();
      host.start();
    });
  }
}
