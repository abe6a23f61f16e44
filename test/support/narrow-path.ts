import { createNamespace, ipBatch, writeSysctls } from "../../src/lab/namespaces.ts";
import { type LabNode, namespacePrefix, switchNamespace } from "../../src/lab/topology.ts";

const FORWARDING = { "net/ipv4/ip_forward": "1", "net/ipv6/conf/all/forwarding": "1" };
const PROXIES = { "net/ipv4/conf/all/proxy_arp": "1", "net/ipv6/conf/all/proxy_ndp": "1" };

/**
 * Puts two routers between a node and the lab's switch, with a cable of a smaller MTU between them. No address changes:
 * each router is the proxy (ARP, NDP) of the hosts behind it.
 *
 *     switch ── near ══ mtuBytes ══ far ── node
 */
export async function narrowPath(lab: string, node: LabNode, others: readonly LabNode[], mtuBytes: number) {
  const [near, far] = [`${namespacePrefix(lab)}near`, `${namespacePrefix(lab)}far`];
  for (const namespace of [near, far]) {
    await createNamespace(namespace);
    await writeSysctls(namespace, {
      ...FORWARDING,
      ...PROXIES,
      "net/ipv6/conf/default/accept_dad": "0",
    });
  }
  await ipBatch(switchNamespace(lab), [
    `link set ${node.name} netns ${far}`,
    `link add near type veth peer name outer netns ${near}`,
    "link set near master br0 up",
  ]);
  const neighbours = others.map(({ underlay }) => underlay);
  await ipBatch(near, [
    `link add narrow mtu ${mtuBytes} type veth peer name narrow mtu ${mtuBytes} netns ${far}`,
    "address add 198.18.3.1/16 dev outer",
    "address add fd00:198:18::3:1/64 dev outer",
    "address add 192.0.2.1/30 dev narrow",
    "address add fd00:192::1/64 dev narrow",
    "link set outer up",
    "link set narrow up",
  ]);
  await ipBatch(far, [
    "address add 192.0.2.2/30 dev narrow",
    "address add fd00:192::2/64 dev narrow",
    `link set ${node.name} up`,
    "link set narrow up",
    `route add ${node.underlay.v4}/32 dev ${node.name}`,
    `route add ${node.underlay.v6}/128 dev ${node.name}`,
    "route add default via 192.0.2.1",
    "route add default via fd00:192::1",
    ...neighbours.map(({ v6 }) => `neighbour add proxy ${v6} dev ${node.name}`),
  ]);
  await ipBatch(near, [
    `route add ${node.underlay.v4}/32 via 192.0.2.2`,
    `route add ${node.underlay.v6}/128 via fd00:192::2`,
    `neighbour add proxy ${node.underlay.v6} dev outer`,
  ]);
  // A proxy waits at random before it answers; no other host answers here, so the wait is off.
  const outward = [
    { namespace: near, device: "outer" },
    { namespace: far, device: node.name },
  ];
  for (const { namespace, device } of outward) {
    const delays = ["ipv4", "ipv6"].map((family) => [`net/${family}/neigh/${device}/proxy_delay`, "0"]);
    await writeSysctls(namespace, Object.fromEntries(delays));
  }
  for (const other of [node, ...others]) await ipBatch(other.namespace, ["neighbour flush dev eth0"]);
}
