/**
 *   pod 10.42.1.2 ── node 192.0.2.1 ═══ underlay ═══ peer 192.0.2.2, pod 10.42.2.2
 *                    flannel.1                       and every address that forges: .3 (another peer), .66 (nobody)
 *
 * and in IPv6 2001:db8::1 and so on, flannel-v6.1, fd00:10:244:1::2, fd00:10:244:2::2.
 */
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import type { Refusal } from "../../../src/kernel/firewall/refusal.ts";
import type { RuleSet } from "../../../src/kernel/firewall/rule-set.ts";
import { parseIp, parseMac, parsePrefix } from "../../../src/net/index.ts";
import { DatagramSender } from "../../support/datagram-sender.ts";
import { eventually } from "../../support/eventually.ts";
import { FirewallBed, HOSTS } from "../../support/firewall-bed.ts";
import { rulesFor } from "../../support/firewall-situation.ts";
import { routerAdvertisementPayload, type VxlanOptions, vxlanPayload } from "../../support/forged-frame.ts";
import { connect, Namespace } from "../../support/netns.ts";
import { PingFlood } from "../../support/ping-flood.ts";

const NODE_MAC = { v4: parseMac("02:00:00:00:01:01"), v6: parseMac("02:00:00:00:01:06") };
const PEER_MAC = { v4: parseMac("02:00:00:00:02:01"), v6: parseMac("02:00:00:00:02:06") };
const PORT = 9999;
const COUNT = 5;

let node: Namespace;
let peer: Namespace;
let pod: Namespace;
let remotePod: Namespace;
let sender: DatagramSender;

beforeAll(async () => {
  node = await Namespace.create("fwvx");
  peer = await Namespace.create("fwvx");
  pod = await Namespace.create("fwvx");
  remotePod = await Namespace.create("fwvx");
  const spoofed = ["192.0.2.3/24", "192.0.2.66/24", "2001:db8::3/64", "2001:db8::66/64"];
  await connect(
    { namespace: node, iface: "eth0", addresses: ["192.0.2.1/24", "2001:db8::1/64"] },
    { namespace: peer, iface: "eth0", addresses: ["192.0.2.2/24", "2001:db8::2/64", ...spoofed] },
  );
  await tunnels(node, "1", { mac: NODE_MAC, peerMac: PEER_MAC, peer: "2" });
  await tunnels(peer, "2", { mac: PEER_MAC, peerMac: NODE_MAC, peer: "1" });
  await attachPod(node, pod, "1");
  await attachPod(peer, remotePod, "2");
  sender = new DatagramSender(peer);
  await pod.exec(
    "nft",
    `table inet seen { counter forged { }; chain c { type filter hook prerouting priority raw; udp dport ${PORT} counter name forged; }; }`,
  );
});
afterAll(async () => {
  await sender?.stop();
  for (const namespace of [node, peer, pod, remotePod]) await namespace?.delete();
});

interface Ends {
  readonly mac: typeof NODE_MAC;
  readonly peerMac: typeof NODE_MAC;
  readonly peer: string;
}

/** Both devices as the vxlan backend makes them. */
async function tunnels(
  namespace: Namespace,
  own: string,
  { mac, peerMac, peer: other }: Ends,
): Promise<void> {
  const common = "id 1 dev eth0 dstport 8472 nolearning";
  await namespace.ip(
    `link add flannel.1 address ${mac.v4} type vxlan ${common} local 192.0.2.${own}`,
    `link add flannel-v6.1 address ${mac.v6} type vxlan ${common} local 2001:db8::${own} udp6zerocsumrx`,
    `addr add 10.42.${own}.0/32 dev flannel.1`,
    `addr add fd00:10:244:${own}::/128 dev flannel-v6.1 nodad`,
    "link set flannel.1 up",
    "link set flannel-v6.1 up",
    `neigh add 10.42.${other}.0 lladdr ${peerMac.v4} dev flannel.1 nud permanent`,
    `neigh add fd00:10:244:${other}:: lladdr ${peerMac.v6} dev flannel-v6.1 nud permanent`,
    `route add 10.42.${other}.0/24 via 10.42.${other}.0 dev flannel.1 onlink`,
    `route add fd00:10:244:${other}::/64 via fd00:10:244:${other}:: dev flannel-v6.1 onlink`,
  );
  await namespace.exec(
    "bridge",
    "fdb",
    "add",
    peerMac.v4,
    "dev",
    "flannel.1",
    "dst",
    `192.0.2.${other}`,
    "self",
  );
  await namespace.exec(
    "bridge",
    "fdb",
    "add",
    peerMac.v6,
    "dev",
    "flannel-v6.1",
    "dst",
    `2001:db8::${other}`,
    "self",
  );
  await namespace.exec("sysctl", "-qw", "net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1");
}

async function attachPod(host: Namespace, inside: Namespace, number: string): Promise<void> {
  await connect(
    { namespace: host, iface: "pod", addresses: [`10.42.${number}.1/24`, `fd00:10:244:${number}::1/64`] },
    { namespace: inside, iface: "eth0", addresses: [`10.42.${number}.2/24`, `fd00:10:244:${number}::2/64`] },
  );
  await inside.ip(
    "link set eth0 mtu 1400",
    `route add default via 10.42.${number}.1`,
    `route add default via fd00:10:244:${number}::1`,
  );
}

const SENDERS = [
  ["192.0.2.2", "10.42.2.0/24"],
  ["192.0.2.3", "10.42.3.0/24"],
  ["2001:db8::2", "fd00:10:244:2::/64"],
  ["2001:db8::3", "fd00:10:244:3::/64"],
].map(([outer = "", inner = ""]) => ({ outer: parseIp(outer), inner: parsePrefix(inner) }));

function filtered(forgedPackets: "drop" | "log" | "ignore"): RuleSet {
  const origins = { vxlan: { ports: [8472], vnis: [1], senders: SENDERS }, ipip: null, arrivals: null };
  return rulesFor("dual", { flags: { forgedPackets, masquerade: false }, origins });
}

interface Forgery extends VxlanOptions {
  readonly outer?: string;
  readonly source?: string;
  /** How much of the payload is sent. */
  readonly bytes?: number;
}

/** Sends it a few times from the peer's machine. */
async function send({
  outer = "192.0.2.2",
  source = "10.42.2.2",
  bytes,
  ...options
}: Forgery): Promise<void> {
  const isV6 = source.includes(":");
  const payload = vxlanPayload(
    {
      source: parseIp(source),
      destination: parseIp(isV6 ? "fd00:10:244:1::2" : "10.42.1.2"),
      destinationMac: outer.includes(":") ? NODE_MAC.v6 : NODE_MAC.v4,
      destinationPort: PORT,
    },
    options,
  );
  const hex = payload.subarray(0, bytes).toString("hex");
  const to = outer.includes(":") ? "2001:db8::1" : "192.0.2.1";
  await sender.send({ from: outer, to, port: 8472, hex, count: COUNT });
}

/** Datagrams that the pod saw. */
async function seen(): Promise<number> {
  const text = await pod.exec("nft", "list", "counter", "inet", "seen", "forged");
  return Number(/packets (\d+)/.exec(text)?.[1]);
}

interface Outcome {
  /** How many the pod saw. */
  readonly reached: number;
  readonly counted: Partial<Record<Refusal, number>>;
}

/** Sends a forgery and waits until each of its packets has become what is expected of it. */
async function expectOutcome(forgery: Forgery, expected: Outcome): Promise<void> {
  const before = { seen: await seen(), refused: await bed.refused() };
  await send(forgery);
  await eventually(async (): Promise<Outcome> => {
    return { reached: (await seen()) - before.seen, counted: await bed.refusedSince(before.refused) };
  }).toEqual(expected);
}

/** Each with the reason that counts it. */
const FORGERIES: readonly [string, Forgery, Refusal][] = [
  ["inner source of another node", { source: "10.42.3.5" }, "foreign-source"],
  ["inner source of nobody", { source: "10.42.77.1" }, "foreign-source"],
  ["inner source of ourselves", { source: "10.42.1.9" }, "foreign-source"],
  ["inner source outside the network", { source: "198.51.100.1" }, "foreign-source"],
  ["outer source unknown", { outer: "192.0.2.66" }, "unknown-peer"],
  ["another peer's outer source", { outer: "192.0.2.3" }, "foreign-source"],
  ["IPv6 inside an IPv4 tunnel", { source: "fd00:10:244:2::2" }, "foreign-source"],
  ["IPv6 inside from nobody", { outer: "192.0.2.66", source: "fd00:10:244:2::2" }, "unknown-peer"],
  ["VLAN-tagged inside", { vlan: true }, "vlan-tagged"],
  ["ARP inside", { etherType: 0x0806 }, "not-ip"],
  ["truncated in the inner address", { bytes: 37 }, "truncated"],
  ["truncated before the inner IP header", { bytes: 22 }, "truncated"],
  [
    "v6: inner source of another node",
    { outer: "2001:db8::2", source: "fd00:10:244:3::5" },
    "foreign-source",
  ],
  ["v6: inner source of ourselves", { outer: "2001:db8::2", source: "fd00:10:244:1::9" }, "foreign-source"],
  [
    "v6: link-local, as a router advertisement has",
    { outer: "2001:db8::2", source: "fe80::1" },
    "foreign-source",
  ],
  ["v6: outer source unknown", { outer: "2001:db8::66", source: "fd00:10:244:2::2" }, "unknown-peer"],
  ["v6: IPv4 inside", { outer: "2001:db8::2", source: "10.42.2.2" }, "foreign-source"],
  [
    "v6: truncated in the inner address",
    { outer: "2001:db8::2", source: "fd00:10:244:2::2", bytes: 40 },
    "truncated",
  ],
];

const LEGITIMATE: readonly [string, Forgery][] = [
  ["a peer's pod", {}],
  ["a peer itself", { source: "10.42.2.0" }],
  ["v6: a peer's pod", { outer: "2001:db8::2", source: "fd00:10:244:2::2" }],
];

let bed: FirewallBed;
afterEach(() => bed.stop());

async function start(action: "drop" | "log" | "ignore"): Promise<void> {
  bed = await FirewallBed.start(node, HOSTS.nftables);
  await bed.keep(filtered(action));
}

describe("with the filter on", () => {
  test.each(FORGERIES)("%s", async (_what, forgery, reason) => {
    await start("drop");
    await expectOutcome(forgery, { reached: 0, counted: { [reason]: COUNT } });
  });

  test.each(LEGITIMATE)("legitimate: %s", async (_what, packet) => {
    await start("drop");
    await expectOutcome(packet, { reached: COUNT, counted: {} });
  });

  test("pods reach each other, with large packets too", async () => {
    await start("drop");
    for (const address of ["10.42.2.2", "fd00:10:244:2::2"]) {
      const told = await pod.exec("ping", "-c", "5", "-i", "0.05", "-s", "8000", address);
      expect(told).toContain("5 received");
    }
  });

  test("what is for another host only passes through", async () => {
    await start("drop");
    // A tunnel of others: a host behind this node has the port, and the sender is nobody here.
    const before = await bed.refused();
    await pod.exec(
      "nft",
      "table inet other { counter tunnel { }; chain c { type filter hook input priority raw; udp dport 8472 counter name tunnel; }; }",
    );
    await peer.ip("route add 10.42.1.2/32 via 192.0.2.1");
    const hex = "0800000000000100";
    await sender.send({ from: "192.0.2.66", to: "10.42.1.2", port: 8472, hex, count: COUNT });
    const arrived = () => pod.exec("nft", "list", "counter", "inet", "other", "tunnel");
    await eventually(arrived).toContain(`packets ${COUNT}`);
    await peer.ip("route del 10.42.1.2/32 via 192.0.2.1");
    expect(await bed.refused()).toEqual(before);
  });
});

test("what is refused is told with its reason and source, as of a peer that sends from its host's address", async () => {
  await start("drop");
  await expectOutcome({ source: "192.0.2.2" }, { reached: 0, counted: { "foreign-source": COUNT } });
  await expectOutcome(
    { outer: "2001:db8::66", source: "fd00:10:244:66::2" },
    { reached: 0, counted: { "unknown-peer": COUNT } },
  );
  const told = () =>
    bed.log.lines.flatMap(({ fields, message }) => (message === "packets refused" ? [fields] : []));
  await eventually(told).toEqual(
    expect.arrayContaining([
      expect.objectContaining({ code: "foreign-source", sources: expect.arrayContaining(["192.0.2.2"]) }),
      expect.objectContaining({ code: "unknown-peer", sources: expect.arrayContaining(["2001:db8::66"]) }),
    ]),
  );
});

describe("without a daemon that keeps it", () => {
  const KEPT = ["inet", "tweed-packet-filter", "kept"];
  const timeouts = async () => (await node.exec("nft", "list", "set", ...KEPT)).match(/ipv\d timeout \S+/g);

  test("the filter opens within five minutes of a kill, and within one of a stop", async () => {
    await start("drop");
    expect(await timeouts()).toEqual(["ipv4 timeout 4m40s", "ipv6 timeout 4m40s"]);
    await bed.stop();
    expect(await timeouts()).toEqual(["ipv4 timeout 50s", "ipv6 timeout 50s"]);
    await start("drop");
    expect(await timeouts()).toEqual(["ipv4 timeout 4m40s", "ipv6 timeout 4m40s"]);
  });

  test("a restart leaves no gap: what is forged is refused meanwhile", async () => {
    await start("drop");
    const counted = () => node.exec("nft", "list", "counter", "inet", "tweed-packet-filter", "unknown-peer");
    const packets = async () => Number(/packets (\d+)/.exec(await counted())?.[1]);
    const [before, reached] = [await packets(), await seen()];
    await bed.stop();
    await send({ outer: "192.0.2.66", source: "10.42.2.5" });
    await eventually(packets).toBe(before + COUNT);
    await start("drop");
    await send({ outer: "192.0.2.66", source: "10.42.2.5" });
    await eventually(packets).toBe(before + 2 * COUNT);
    expect(await seen()).toBe(reached);
  });

  test.each([
    ["a peer that joined", "192.0.2.66", "10.42.66.2"],
    ["a peer that joined, v6", "2001:db8::66", "fd00:10:244:66::2"],
  ])(
    "the open filter refuses nothing of %s, and a daemon that comes closes it",
    async (_what, outer, source) => {
      await start("drop");
      await bed.stop();
      // As it is when the time is over.
      await node.exec("nft", "flush", "set", ...KEPT);
      const before = await seen();
      await send({ outer, source });
      await eventually(seen).toBe(before + COUNT);
      await start("drop");
      await expectOutcome({ outer, source }, { reached: 0, counted: { "unknown-peer": COUNT } });
    },
  );
});

describe("beside another overlay on the same port", () => {
  test("its datagrams reach its own device", async () => {
    await start("drop");
    const mac = parseMac("02:00:00:00:77:01");
    await node.ip(
      `link add vxlan77 address ${mac} type vxlan id 77 dev eth0 dstport 8472 nolearning`,
      "addr add 172.31.77.1/24 dev vxlan77",
      "link set vxlan77 up",
    );
    const received = async () => (await node.json("ip", "-s", "link", "show", "vxlan77"))[0]?.stats64;
    const payload = vxlanPayload(
      {
        source: parseIp("172.31.77.2"),
        destination: parseIp("172.31.77.1"),
        destinationMac: mac,
        destinationPort: PORT,
      },
      { vni: 77 },
    );
    const before = await bed.refused();
    await sender.send({
      from: "192.0.2.66",
      to: "192.0.2.1",
      port: 8472,
      hex: payload.toString("hex"),
      count: COUNT,
    });
    await eventually(received).toMatchObject({ rx: { packets: COUNT } });
    expect(await bed.refusedSince(before)).toEqual({});
    await node.ip("link del vxlan77");
  });
});

describe("with the filter in other modes", () => {
  const forgery = { source: "10.42.3.5" };
  test("log lets it pass, and counts", async () => {
    await start("log");
    await expectOutcome(forgery, { reached: COUNT, counted: { "foreign-source": COUNT } });
  });
  test("off has no table", async () => {
    await start("ignore");
    await expectOutcome(forgery, { reached: COUNT, counted: {} });
    expect(await node.exec("nft", "list", "tables")).not.toContain("tweed");
  });
});

describe.each([
  ["flannel.1", "192.0.2.2", NODE_MAC.v4],
  ["flannel-v6.1", "2001:db8::2", NODE_MAC.v6],
])("a router advertisement of a peer in %s", (device, outer, mac) => {
  /** A host that forwards hears advertisements only if told to; this device does not forward. */
  async function advertise(acceptRa: 0 | 1): Promise<void> {
    const path = `net.ipv6.conf.${device.replace(".", "/")}`;
    await node.exec("sysctl", "-qw", `${path}.forwarding=0`, `${path}.accept_ra=${acceptRa}`);
    const hex = routerAdvertisementPayload(parseIp("fe80::1"), mac).toString("hex");
    const to = outer.includes(":") ? "2001:db8::1" : "192.0.2.1";
    await sender.send({ from: outer, to, port: 8472, hex, count: COUNT });
  }
  const routes = () => node.exec("ip", "-6", "route", "show", "default", "dev", device);
  /** Advertisements that came out of the tunnel, believed or not. */
  const advertised = async () => {
    const counters = await node.exec("cat", `/proc/net/dev_snmp6/${device}`);
    return Number(/^Icmp6InRouterAdvertisements\s+(\d+)$/m.exec(counters)?.[1]);
  };

  test("would be believed, were it not for us", async () => {
    await start("ignore");
    const before = await advertised();
    await advertise(1);
    await eventually(advertised).toBe(before + COUNT);
    await eventually(routes).toContain("default via fe80::1 proto ra");
    await node.exec("ip", "-6", "route", "flush", "default", "dev", device);
  });
  test("is not, as the daemon sets the device", async () => {
    await start("ignore");
    const before = await advertised();
    await advertise(0);
    await eventually(advertised).toBe(before + COUNT);
    expect(await routes()).toBe("");
  });
  test("is not, through the filter", async () => {
    await start("drop");
    const refused = async () => (await bed.refused())["foreign-source"].packets;
    const before = await refused();
    await advertise(1);
    await eventually(refused).toBe(before + COUNT);
    expect(await routes()).toBe("");
  });
});

describe("while the filter becomes another", () => {
  const vxlan = { ports: [8472], vnis: [1], senders: SENDERS };
  const withAnotherTunnel = {
    vxlan: { ...vxlan, ports: [8472, 4789], vnis: [1, 7] },
    ipip: null,
    arrivals: null,
  };
  const sources = SENDERS.map(({ inner }) => inner);
  const withDirectRoutes = {
    ipip: null,
    vxlan,
    arrivals: {
      tunnels: ["flannel.1"],
      underlay: ["eth0"],
      bare: ["eth0"],
      barePeers: sources,
      peers: [],
      hosts: [],
    },
  };
  const options = { flags: { forgedPackets: "drop", masquerade: false } } as const;
  /** There and back. */
  const CHANGES = 5;

  test.each([
    ["another tunnel comes and goes", withAnotherTunnel],
    ["direct routes come and go", withDirectRoutes],
  ])("no packet of a peer is lost: %s", async (_title, other) => {
    await start("drop");
    const flood = await PingFlood.start(remotePod, "10.42.1.2");
    for (let change = 0; change < CHANGES; change++) {
      await bed.keep(rulesFor("dual", { ...options, origins: other }));
      await bed.keep(filtered("drop"));
    }
    expect(await flood.stop()).toEqual({ answered: expect.any(Number), lost: 0 });
    expect(await partsOfFilter()).toEqual(FRESH);
  });

  test("no packet of a peer is lost: one daemon after the other, with other settings", async () => {
    await start("drop");
    const flood = await PingFlood.start(remotePod, "10.42.1.2");
    for (let change = 0; change < CHANGES; change++) {
      for (const rules of [rulesFor("dual", { ...options, origins: withDirectRoutes }), filtered("drop")]) {
        await bed.stop();
        bed = await FirewallBed.start(node, HOSTS.nftables);
        await bed.keep(rules);
      }
    }
    expect(await flood.stop()).toEqual({ answered: expect.any(Number), lost: 0 });
    expect(await partsOfFilter()).toEqual(FRESH);
  });

  const FRESH = {
    chains: ["chain input", "chain vxlan-datagrams"],
    sets: [
      "set vxlan-senders-v4",
      "set vxlan-other-senders-v4",
      "set vxlan-ends-v4",
      "set vxlan-senders-v6",
      "set vxlan-other-senders-v6",
      "set vxlan-ends-v6",
    ],
  };

  async function partsOfFilter() {
    const text = await node.exec("nft", "list", "table", "inet", "tweed-packet-filter");
    return {
      chains: text.match(/chain (?!refuse-)\S+/g),
      sets: text.match(/^\tset (?:vxlan|hosts|peers|bare|other)-\S+/gm)?.map((set) => set.trim()),
    };
  }
});
