/**
 * host-gw: one link for all, no tunnel.
 *
 *   pod 10.42.1.2, 203.0.113.9 ───┐                          ┌── peer 192.0.2.2, pod 10.42.2.2
 *                                 node 192.0.2.1 ══ link ════┤
 *   pod2 10.42.1.3 ───────────────┘                          └── rogue 192.0.2.66, any address it likes
 */
import { afterAll, afterEach, beforeAll, describe, test } from "vitest";
import type { Refusal } from "../../../src/kernel/firewall/refusal.ts";
import { parsePrefix } from "../../../src/net/index.ts";
import { DatagramSender } from "../../support/datagram-sender.ts";
import { eventually } from "../../support/eventually.ts";
import { FirewallBed, HOSTS } from "../../support/firewall-bed.ts";
import { rulesFor } from "../../support/firewall-situation.ts";
import { bridge, connect, Namespace } from "../../support/netns.ts";

/** A pod of the node, the node itself, and a host behind the node that is none of its pods. */
const TARGETS = {
  pod: { v4: "10.42.1.2", v6: "fd00:10:244:1::2" },
  node: { v4: "192.0.2.1", v6: "2001:db8::1" },
  elsewhere: { v4: "203.0.113.9", v6: "2001:db8:9::9" },
};
const COUNT = 4;

let node: Namespace;
let link: Namespace;
let peer: Namespace;
let rogue: Namespace;
let pod: Namespace;
let pod2: Namespace;
let senders: Record<"peer" | "rogue" | "pod2", DatagramSender>;

beforeAll(async () => {
  node = await Namespace.create("fwarr");
  link = await Namespace.create("fwarr");
  peer = await Namespace.create("fwarr");
  rogue = await Namespace.create("fwarr");
  pod = await Namespace.create("fwarr");
  pod2 = await Namespace.create("fwarr");
  const addresses = (number: number) => [`192.0.2.${number}/24`, `2001:db8::${number}/64`];
  await connect(
    { namespace: node, iface: "eth0", addresses: addresses(1) },
    { namespace: link, iface: "node" },
  );
  await connect(
    { namespace: peer, iface: "eth0", addresses: addresses(2) },
    { namespace: link, iface: "peer" },
  );
  await connect(
    { namespace: rogue, iface: "eth0", addresses: addresses(66) },
    { namespace: link, iface: "rogue" },
  );
  await bridge(link, "br0", ["node", "peer", "rogue"]);
  for (const [namespace, iface, number] of [
    [pod, "pod", 2],
    [pod2, "pod2", 3],
  ] as const) {
    await connect(
      { namespace: node, iface },
      { namespace, iface: "eth0", addresses: [`10.42.1.${number}/32`, `fd00:10:244:1::${number}/128`] },
    );
    await namespace.ip("route add default dev eth0");
    await node.ip(
      `route add 10.42.1.${number}/32 dev ${iface}`,
      `route add fd00:10:244:1::${number}/128 dev ${iface}`,
    );
    await node.exec("sysctl", "-qw", `net.ipv4.conf.${iface}.proxy_arp=1`);
    // Proxying of IPv6 neighbours is by address, and slow; the pod is told instead.
    const mac = String((await node.json("ip", "link", "show", iface))[0]?.address);
    await namespace.ip(
      `neigh replace fe80::ff lladdr ${mac} dev eth0 nud permanent`,
      "route add default via fe80::ff dev eth0 onlink",
    );
  }
  for (const outsider of [peer, rogue]) {
    await outsider.ip(
      ...["10.42.1.0/24", "203.0.113.0/24"].map((dst) => `route add ${dst} via 192.0.2.1`),
      ...["fd00:10:244:1::/64", "2001:db8:9::/64"].map((dst) => `route add ${dst} via 2001:db8::1`),
    );
  }
  await pod.ip("addr add 203.0.113.9/32 dev eth0", "addr add 2001:db8:9::9/128 dev eth0 nodad");
  await node.ip("route add 203.0.113.9/32 dev pod", "route add 2001:db8:9::9/128 dev pod");
  const claimed = ["10.42.2.2/32", "fd00:10:244:2::2/128"];
  await peer.ip(...claimed.map((address) => `addr add ${address} dev lo nodad`));
  const forged = [
    ...claimed,
    "10.42.99.1/32",
    "10.42.1.77/32",
    "fd00:10:244:99::1/128",
    "fd00:10:244:1::77/128",
    "198.51.100.7/32",
  ];
  await rogue.ip(...forged.map((address) => `addr add ${address} dev lo nodad`));
  await pod2.ip(
    "addr add 10.42.2.2/32 dev lo",
    "addr add 10.42.99.1/32 dev lo",
    "addr add fd00:10:244:2::2/128 dev lo nodad",
  );
  await node.exec("sysctl", "-qw", "net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1");
  for (const namespace of [pod, node]) {
    await namespace.exec(
      "nft",
      "table inet seen { counter arrived { }; chain c { type filter hook input priority raw; udp dport 9999 counter name arrived; }; }",
    );
  }
  senders = {
    peer: new DatagramSender(peer),
    rogue: new DatagramSender(rogue),
    pod2: new DatagramSender(pod2),
  };
  // IPv6 neighbours answer once the link-local addresses have been checked for duplicates.
  for (const namespace of [peer, rogue, pod2]) {
    for (const pod of ["10.42.1.2", "fd00:10:244:1::2"]) {
      await eventually(() => namespace.exec("ping", "-q", "-c", "1", "-W", "1", pod)).toContain("1 received");
    }
  }
});
afterAll(async () => {
  for (const sender of Object.values(senders ?? {})) await sender.stop();
  for (const namespace of [node, link, peer, rogue, pod, pod2]) await namespace?.delete();
});

let bed: FirewallBed;
afterEach(() => bed.stop());

const PEERS = ["10.42.2.0/24", "fd00:10:244:2::/64"].map(parsePrefix);

/**
 * @param bare where peers' packets may arrive without a tunnel
 * @param barePeers whose
 */
async function start(bare: readonly string[] = ["eth0"], barePeers = PEERS): Promise<void> {
  bed = await FirewallBed.start(node, HOSTS.nftables);
  const peers = PEERS.filter((peer) => !barePeers.includes(peer));
  const arrivals = { tunnels: ["flannel.1"], underlay: ["eth0"], bare, barePeers, peers, hosts: [] };
  const origins = { vxlan: null, ipip: null, arrivals };
  await bed.keep(rulesFor("dual", { flags: { forgedPackets: "drop", masquerade: false }, origins }));
}

type Target = keyof typeof TARGETS;

interface Outcome {
  /** How many the target saw. */
  readonly reached: number;
  readonly counted: Partial<Record<Refusal, number>>;
}

interface Sending {
  readonly by: DatagramSender;
  readonly from: string;
  readonly target: Target;
}

/** Sends datagrams and waits until each has become what is expected of it; neighbours may have to be asked before. */
async function expectOutcome({ by, from, target }: Sending, expected: Outcome): Promise<void> {
  const receiver = target === "node" ? node : pod;
  const seen = async () => {
    const text = await receiver.exec("nft", "list", "counter", "inet", "seen", "arrived");
    return Number(/packets (\d+)/.exec(text)?.[1]);
  };
  const before = { seen: await seen(), refused: await bed.refused() };
  const to = TARGETS[target][from.includes(":") ? "v6" : "v4"];
  await by.send({ from, to, port: 9999, hex: "00", count: COUNT });
  await eventually(async (): Promise<Outcome> => {
    return { reached: (await seen()) - before.seen, counted: await bed.refusedSince(before.refused) };
  }).toEqual(expected);
}

describe.each(Object.keys(TARGETS) as Target[])("to %s", (target) => {
  test.each([
    ["a pod of the peer", "peer", "10.42.2.2"],
    ["a pod of the peer, v6", "peer", "fd00:10:244:2::2"],
    ["a pod of this node", "pod2", "10.42.1.3"],
    ["a pod of this node, v6", "pod2", "fd00:10:244:1::3"],
    ["somebody outside, who claims no pod's address", "rogue", "198.51.100.7"],
    // The limit of what is checked: whoever is on the link of the peers can claim to be any of them.
    ["a rogue on the link as the peer's pod", "rogue", "10.42.2.2"],
  ] as const)("%s gets through", async (_what, by, from) => {
    await start();
    await expectOutcome({ by: senders[by], from, target }, { reached: COUNT, counted: {} });
  });

  test.each([["10.42.99.1"], ["fd00:10:244:99::1"]])(
    "a rogue as nobody, %s, does not if that is a pod",
    async (from) => {
      await start();
      const refused = { reached: 0, counted: { "wrong-arrival": COUNT } };
      const outcome = target === "pod" ? refused : { reached: COUNT, counted: {} };
      await expectOutcome({ by: senders.rogue, from, target }, outcome);
    },
  );

  test.each([
    ["a rogue as a pod of this node", "rogue", "10.42.1.77", "own-source"],
    ["a rogue as a pod of this node, v6", "rogue", "fd00:10:244:1::77", "own-source"],
  ] as const)("%s does not", async (_what, by, from, reason) => {
    await start();
    await expectOutcome({ by: senders[by], from, target }, { reached: 0, counted: { [reason]: COUNT } });
  });
});

test.each([
  ["the peer's pod", "10.42.2.2"],
  ["the peer's pod, v6", "fd00:10:244:2::2"],
  ["nobody", "10.42.99.1"],
])("a pod of this node does not reach another as %s", async (_what, from) => {
  await start();
  await expectOutcome(
    { by: senders.pod2, from, target: "pod" },
    { reached: 0, counted: { "wrong-arrival": COUNT } },
  );
});

describe("with tunnels alone, of what comes without one", () => {
  test.each([
    ["a rogue as the peer's pod", "rogue", "10.42.2.2"],
    ["the peer as its own pod", "peer", "10.42.2.2"],
    ["the peer as its own pod, v6", "peer", "fd00:10:244:2::2"],
    ["a rogue as nobody", "rogue", "10.42.99.1"],
  ] as const)("%s does not reach a pod", async (_what, by, from) => {
    await start([]);
    const outcome = { reached: 0, counted: { "wrong-arrival": COUNT } };
    await expectOutcome({ by: senders[by], from, target: "pod" }, outcome);
  });

  test.each(["pod", "node", "elsewhere"] as const)(
    "a rogue as a pod of this node does not reach %s",
    async (target) => {
      await start([]);
      const outcome = { reached: 0, counted: { "own-source": COUNT } };
      await expectOutcome({ by: senders.rogue, from: "10.42.1.77", target }, outcome);
    },
  );

  test.each(["node", "elsewhere"] as const)(
    "what is none of the pods' business reaches %s",
    async (target) => {
      await start([]);
      await expectOutcome({ by: senders.rogue, from: "10.42.2.2", target }, { reached: COUNT, counted: {} });
    },
  );

  test("a peer that comes bare opens the way for nobody else", async () => {
    await start(["eth0"], ["10.42.7.0/24"].map(parsePrefix));
    const outcome = { reached: 0, counted: { "wrong-arrival": COUNT } };
    await expectOutcome({ by: senders.rogue, from: "10.42.2.2", target: "pod" }, outcome);
  });

  test("a rogue as one pod does not reach another peer's through this node", async () => {
    await start([]);
    const before = await bed.refused();
    await rogue.ip("route add 10.42.2.0/24 via 192.0.2.1");
    await senders.rogue.send({ from: "10.42.99.1", to: "10.42.2.3", port: 9999, hex: "00", count: COUNT });
    await eventually(() => bed.refusedSince(before)).toEqual({ "wrong-arrival": COUNT });
    await rogue.ip("route del 10.42.2.0/24 via 192.0.2.1");
  });
});
