/**
 * Networks that cover the addresses of hosts: the host keeps its network, pods reach each other, and a change of backend
 * while both ping loses nothing of either. The first is flannel's own example, with hosts in 10.0.0.0/8.
 */
import { describe, expect, test } from "vitest";
import { type LabNode, type LabSpec, switchIp } from "../../src/lab/topology.ts";
import type { Ip } from "../../src/net/index.ts";
import { run } from "../../src/runtime/program.ts";
import { eventually } from "../support/eventually.ts";
import { readStatus } from "../support/node-pages.ts";
import { setReversePathFilter } from "../support/reverse-path-filter.ts";
import { SteadyPings } from "../support/steady-pings.ts";
import { useLab } from "../support/test-lab.ts";

const PING_INTERVAL_MS = 10;
const HOST_GW = { Type: "host-gw" };
const DIRECT = { Type: "vxlan", DirectRouting: true };
const VXLAN = { Type: "vxlan" };

const NETWORKS: readonly (Pick<LabSpec, "networkV4" | "hostsV4"> & { readonly name: string })[] = [
  {
    name: "hostsin1",
    hostsV4: "10.0",
    networkV4: {
      Network: "10.0.0.0/8",
      SubnetLen: 20,
      SubnetMin: "10.10.0.0",
      SubnetMax: "10.99.0.0",
    },
  },
  {
    name: "hostsin2",
    networkV4: { Network: "198.16.0.0/12", SubnetMin: "198.20.0.0", SubnetMax: "198.20.255.0" },
  },
];

describe.each(NETWORKS)("$networkV4", (network) => {
  const bed = useLab({ ...network, nodes: 2, backend: HOST_GW, store: "file", families: "v4" });

  test("no ping is lost, of hosts and of pods, while the backend changes", async () => {
    // A strict one would drop what comes by another way while ends are apart.
    await setReversePathFilter(bed.lab.nodes, 2);
    const [one, two] = [bed.node(1), bed.node(2)];
    const hosts = [switchIp(network), two.underlay].flatMap(({ v4 }) => v4 ?? []);
    const pod = [(await bed.lab.podIps(two)).v4].filter((ip) => ip !== null);
    const pings = await SteadyPings.start(
      [
        { namespace: one.namespace, targets: [...hosts, ...pod] satisfies Ip[] },
        { namespace: one.podNamespace, targets: pod },
      ],
      PING_INTERVAL_MS,
    );
    try {
      for (const [backend, channel, device] of [
        [DIRECT, "vxlan 1", "eth0"],
        [VXLAN, "vxlan 1", "flannel.1"],
        [HOST_GW, "host-gw", "eth0"],
      ] as const) {
        await bed.lab.configure(backend);
        await eventually(() => Promise.all([wayOf(one, two), wayOf(two, one)])).toEqual([
          { channel, device },
          { channel, device },
        ]);
      }
      await Promise.all(bed.lab.nodes.map((node) => bed.lab.stopDaemon(node, "SIGTERM")));
      const answered = await bed.lab.ping({ count: 3, intervalMs: PING_INTERVAL_MS });
      expect(answered.lost).toBe(0);
    } finally {
      const results = (await pings.stop()).flat();
      expect(results.map(({ lost }) => lost)).toEqual(results.map(() => 0));
      expect(results.every(({ sent }) => sent > 0)).toBe(true);
    }
  });

  async function wayOf(node: LabNode, peer: LabNode) {
    const { v4 } = await bed.lab.podIps(peer);
    const [route] = JSON.parse(await run("ip", ["-n", node.namespace, "-j", "route", "get", String(v4)]));
    return { channel: (await readStatus(node)).peers[0]?.channel, device: route.dev };
  }
});
