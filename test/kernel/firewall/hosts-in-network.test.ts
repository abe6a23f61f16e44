/**
 * Networks that cover the addresses of hosts, as flannel's own example does:
 *
 *   pod 10.20.1.2 ── node 10.0.2.15 ══ link ══ peer 10.0.2.16, pods 10.20.5.0/24
 *                                              and behind it 10.5.0.3, a host of another link
 */
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { planFirewall } from "../../../src/agent/firewall/plan.ts";
import { leasableRanges, networkRules, planNetwork } from "../../../src/agent/network-plan.ts";
import { activateBackend } from "../../../src/agent/switch-over/active-backend.ts";
import { parseNetworkConfig } from "../../../src/config/network-config.ts";
import type { RuleSet } from "../../../src/kernel/firewall/rule-set.ts";
import type { Lease } from "../../../src/lease/lease.ts";
import { parseIpv4, parseIpv4Prefix, parsePrefix } from "../../../src/net/index.ts";
import { DatagramSender } from "../../support/datagram-sender.ts";
import { eventually } from "../../support/eventually.ts";
import { FirewallBed, HOSTS } from "../../support/firewall-bed.ts";
import { FLAGS } from "../../support/firewall-situation.ts";
import { connect, Namespace } from "../../support/netns.ts";
import { sampleNode } from "../../support/sample-node.ts";

const COUNT = 4;

let node: Namespace;
let peer: Namespace;
let pod: Namespace;
let sender: DatagramSender;
let bed: FirewallBed;

beforeAll(async () => {
  node = await Namespace.create("fwhost");
  peer = await Namespace.create("fwhost");
  pod = await Namespace.create("fwhost");
  await connect(
    { namespace: node, iface: "eth0", addresses: ["10.0.2.15/24"] },
    { namespace: peer, iface: "eth0", addresses: ["10.0.2.16/24"] },
  );
  await connect(
    { namespace: node, iface: "pod", addresses: ["10.20.1.1/24"] },
    { namespace: pod, iface: "eth0", addresses: ["10.20.1.2/24"] },
  );
  await pod.ip("route add default via 10.20.1.1");
  await peer.ip(
    ...["10.5.0.3", "10.20.5.2", "10.20.1.77"].map((address) => `addr add ${address}/32 dev lo`),
    "route add 10.20.1.0/24 via 10.0.2.15",
  );
  await node.ip("route add default via 10.0.2.16", "route add 10.20.5.0/24 via 10.0.2.16");
  await node.exec("sysctl", "-qw", "net.ipv4.ip_forward=1");
  sender = new DatagramSender(peer);
});
afterAll(async () => {
  await sender?.stop();
  for (const namespace of [node, peer, pod]) await namespace?.delete();
});
afterEach(() => bed.stop());

/** What a daemon would have of the host's packet filter. */
function rulesBy(config: object, { subnet, peerSubnet }: { subnet: string; peerSubnet: string }): RuleSet {
  const parsed = parseNetworkConfig(JSON.stringify(config), "test");
  const backend = activateBackend(parsed);
  const ips = { v4: parseIpv4("10.0.2.15"), v6: null };
  const local = {
    ...sampleNode(),
    iface: { name: "eth0", mtuBytes: 1500, ips },
    publicIps: ips,
    networks: { v4: parsed.v4?.network ?? null, v6: null },
    subnets: { v4: parseIpv4Prefix(subnet), v6: null },
    underlay: [
      { dst: parsePrefix("10.0.2.0/24"), via: null, iface: "eth0", metric: 0 },
      { dst: parsePrefix("0.0.0.0/0"), via: parseIpv4("10.0.2.16"), iface: "eth0", metric: 0 },
    ],
  };
  const publicIps = { v4: parseIpv4("10.0.2.16"), v6: null };
  const { data } = backend.publish({ ...local, publicIps, iface: { ...local.iface, ips: publicIps } });
  const lease: Lease = {
    key: "peer",
    subnets: { v4: parseIpv4Prefix(peerSubnet), v6: null },
    publicIps,
    claimedAt: 1n,
    offers: [{ type: backend.type, data }],
  };
  const { origins } = planNetwork(
    { leases: [lease], junk: [] },
    {
      node: local,
      ownKey: "own",
      rules: networkRules(parsed, false),
      receiving: [backend],
      published: [backend],
      checksReversePath: false,
      keepsBlackholes: false,
    },
  );
  return planFirewall({
    options: { ...FLAGS, masquerade: false, forgedPackets: "drop" },
    networks: local.networks,
    leasable: leasableRanges(parsed, false),
    subnets: local.subnets,
    masqueradeExclusions: [],
    origins,
  });
}

const answers = (by: Namespace, to: string, ...from: string[]) =>
  eventually(() => by.exec("ping", "-q", "-c", "1", "-W", "1", ...from, to)).toContain("1 received");

const BACKENDS = [{ Type: "host-gw" }, { Type: "vxlan", DirectRouting: true }, { Type: "vxlan" }];
const NETWORKS = [
  { Network: "10.0.0.0/8" },
  { Network: "10.0.0.0/12", SubnetMin: "10.8.0.0", SubnetMax: "10.8.255.0" },
];

describe.each(BACKENDS)("%j", (Backend) => {
  test.each(NETWORKS)("the host keeps its network in %j", async (network) => {
    bed = await FirewallBed.start(node, HOSTS.nftables);
    const subnets = { subnet: "10.8.1.0/24", peerSubnet: "10.8.5.0/24" };
    await bed.keep(rulesBy({ ...network, Backend }, subnets));
    const before = await bed.refused();
    for (const host of ["10.0.2.16", "10.5.0.3"]) await answers(node, host);
    await answers(peer, "10.0.2.15", "-I", "10.5.0.3");
    expect(await bed.refusedSince(before)).toEqual({});
  });

  test("it does where a peer has leased the very link of the hosts", async () => {
    bed = await FirewallBed.start(node, HOSTS.nftables);
    const subnets = { subnet: "10.20.1.0/24", peerSubnet: "10.0.2.0/24" };
    await bed.keep(rulesBy({ Network: "10.0.0.0/8", Backend }, subnets));
    for (const host of ["10.0.2.16", "10.5.0.3"]) await answers(node, host);
  });

  test("forgeries are refused all the same", async () => {
    bed = await FirewallBed.start(node, HOSTS.nftables);
    const subnets = { subnet: "10.20.1.0/24", peerSubnet: "10.20.5.0/24" };
    await bed.keep(rulesBy({ Network: "10.0.0.0/8", Backend }, subnets));
    // A host of the link reaches pods by its own address, bare too.
    await answers(peer, "10.20.1.2", "-I", "10.0.2.16");
    const before = await bed.refused();
    for (const from of ["10.20.1.77", "10.5.0.3"])
      await sender.send({ from, to: "10.20.1.2", port: 9999, hex: "00", count: COUNT });
    await eventually(() => bed.refusedSince(before)).toEqual({ "own-source": COUNT, "wrong-arrival": COUNT });
  });
});
