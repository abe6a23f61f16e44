/** Disturbances of a cluster of lease holders, chosen by a seed. */
import type { LeaseCluster } from "./lease-cluster.ts";
import type { LeaseNode } from "./lease-node.ts";

interface Act {
  readonly name: string;
  readonly weight: number;
  /** @returns what it acted on, for the trace */
  run(cluster: LeaseCluster): Promise<string> | string;
}

const anyNode = ({ nodes, random }: LeaseCluster): LeaseNode => {
  const node = nodes[random.below(nodes.length)];
  if (node === undefined) throw new RangeError("a cluster without nodes");
  return node;
};

const anyHeld = (cluster: LeaseCluster): string | null => {
  const leases = cluster.etcd.leases();
  return leases[cluster.random.below(leases.length)]?.key ?? null;
};

const coin = ({ random }: LeaseCluster) => random.below(2) === 0;

const onNode = (act: (cluster: LeaseCluster, node: LeaseNode) => void) => (cluster: LeaseCluster) => {
  const node = anyNode(cluster);
  act(cluster, node);
  return node.name;
};

const onOff = (act: (cluster: LeaseCluster, isOn: boolean) => void) => (cluster: LeaseCluster) => {
  const isOn = coin(cluster);
  act(cluster, isOn);
  return isOn ? "on" : "off";
};

const ACTS: readonly Act[] = [
  { name: "wait", weight: 20, run: () => "" },
  { name: "away", weight: 6, run: onOff(({ etcd }, isOn) => etcd.setAway(isOn)) },
  { name: "hang", weight: 5, run: onOff(({ etcd }, isOn) => etcd.hang(isOn)) },
  { name: "no leader", weight: 4, run: onOff(({ etcd }, isOn) => etcd.setLeader(!isOn)) },
  {
    name: "partition",
    weight: 8,
    run: onNode((cluster, { name }) => cluster.etcd.partition(name, coin(cluster))),
  },
  {
    name: "pause",
    weight: 8,
    run: onNode(({ etcd, random }, { name }) =>
      random.below(2) === 0 ? etcd.network.pause(name) : etcd.network.resume(name),
    ),
  },
  {
    name: "delay watch",
    weight: 5,
    run: onNode(({ etcd, random }, { name }) => etcd.delayWatch(name, random.below(3) * 10_000)),
  },
  {
    name: "silence watch",
    weight: 4,
    run: onNode((cluster, { name }) => cluster.etcd.silenceWatch(name, coin(cluster))),
  },
  { name: "break watches", weight: 5, run: done(({ etcd }) => etcd.breakWatches()) },
  { name: "restart", weight: 4, run: done(({ etcd }) => etcd.network.restart()) },
  { name: "compact", weight: 6, run: done(({ etcd }) => etcd.compact()) },
  { name: "backup", weight: 4, run: done(({ etcd }) => etcd.backup()) },
  { name: "restore", weight: 3, run: done((cluster) => cluster.restore()) },
  { name: "credentials", weight: 5, run: done(({ etcd }) => etcd.rotateCredentials()) },
  {
    name: "release",
    weight: 5,
    run(cluster) {
      const key = anyHeld(cluster);
      if (key !== null) cluster.asOperator(() => cluster.etcd.releaseLease(key));
      return key ?? "none";
    },
  },
  { name: "expire", weight: 5, run: onNode(({ etcd }, { name }) => etcd.expireNow(name)) },
  {
    name: "junk",
    weight: 4,
    run(cluster) {
      const write = { key: `10.5.${1 + cluster.random.below(16)}.0-25`, value: "{}", annotations: {} };
      cluster.asOperator(() => cluster.etcd.putRaw("stranger", write));
      return write.key;
    },
  },
  {
    name: "no junk",
    weight: 3,
    run: done((cluster) => cluster.asOperator(() => cluster.etcd.removeRaw("stranger"))),
  },
  { name: "publish", weight: 10, run: onNode((_, node) => node.publish()) },
  { name: "kill", weight: 5, run: onNode((_, node) => node.kill()) },
  { name: "reboot", weight: 3, run: onNode((cluster, node) => cluster.reboot(node)) },
  {
    name: "start",
    weight: 10,
    async run(cluster) {
      const node = anyNode(cluster);
      if (!node.isRunning) await node.start();
      return node.name;
    },
  },
];

const TOTAL = ACTS.reduce((sum, { weight }) => sum + weight, 0);

/** @returns a line for the trace */
export async function disturb(cluster: LeaseCluster): Promise<string> {
  let choice = cluster.random.below(TOTAL);
  const act = ACTS.find(({ weight }) => {
    choice -= weight;
    return choice < 0;
  });
  if (act === undefined) throw new RangeError("weights do not add up");
  const on = await act.run(cluster);
  return `${cluster.time.nowMs} ${act.name} ${on}`;
}

function done(act: (cluster: LeaseCluster) => void): (cluster: LeaseCluster) => string {
  return (cluster) => {
    act(cluster);
    return "";
  };
}
