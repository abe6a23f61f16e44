/**
 * A peer that speaks flannel's udp at its plainest, and hosts that lie:
 *
 *     pod1 ── node1 ──┬── plain peer, 198.18.1.50, 10.244.0.0/24   (test/support/plain-udp-peer.mjs)
 *                     ├── another peer, 198.18.1.51, a lease and nothing else
 *                     └── stranger, 198.18.1.60, in no lease
 */
import { resolve } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { pingMesh } from "../../src/lab/mesh.ts";
import { inNamespace } from "../../src/lab/namespaces.ts";
import { labDirectory } from "../../src/lab/topology.ts";
import { parseIp } from "../../src/net/index.ts";
import { run } from "../../src/runtime/program.ts";
import { type BareDatagram, readBareDatagrams } from "../support/bare-datagrams.ts";
import { DaemonProcess } from "../support/daemon-process.ts";
import { eventually } from "../support/eventually.ts";
import { addGuest } from "../support/lab-guest.ts";
import { readUdpCounters } from "../support/node-pages.ts";
import { publish } from "../support/published-leases.ts";
import { useLab } from "../support/test-lab.ts";
import { askUdp, transfer } from "../support/traffic.ts";

const NAME = "udpeer";
const PEER_IP = "198.18.1.50";
/** No daemon takes it by itself, as allocation starts with the network's second. */
const PEER_SUBNET = "10.244.0";
const PEER_POD = `${PEER_SUBNET}.2`;
const OTHER_IP = "198.18.1.51";
const STRANGER_IP = "198.18.1.60";
const LAST_REPLY_MS = 10_000;
const TRANSFER_BYTES = 1_000_000;

const bed = useLab({ name: NAME, nodes: 1, backend: { Type: "udp" }, store: "file", families: "v4" });
let peer: string;
let stranger: string;
let podIp: string;
/** Of the other peer. */
let otherSubnet: string;
let program: DaemonProcess;

beforeAll(async () => {
  peer = await addGuest(NAME, "peer", PEER_IP);
  stranger = await addGuest(NAME, "stranger", STRANGER_IP);
  podIp = String((await bed.lab.podIps(bed.node(1))).v4);
  otherSubnet = podIp.startsWith("10.244.11.") ? "10.244.12" : "10.244.11";
  const store = `${labDirectory(NAME)}/store`;
  // Byte for byte what flannel's udp writes.
  await publish(store, `${PEER_SUBNET}.0-24`, { PublicIP: PEER_IP, PublicIPv6: null });
  await publish(store, `${otherSubnet}.0-24`, { PublicIP: OTHER_IP, PublicIPv6: null });
  program = DaemonProcess.start(peer, [
    process.execPath,
    resolve("test/support/plain-udp-peer.mjs"),
    PEER_IP,
    PEER_POD,
    "10.244.0.0/16",
    `${podIp.replace(/\.\d+$/, "")}=198.18.1.1`,
  ]);
  // Before the peers know of each other there is no reply to wait for.
  await eventually(() => ping(bed.node(1).podNamespace, PEER_POD, 1, 1000)).toBe(1);
  return async () => {
    await program.stop();
  };
});

describe("with a plain peer", () => {
  test("every ping is answered, both ways", async () => {
    expect(await ping(bed.node(1).podNamespace, PEER_POD, 50)).toBe(50);
    expect(await ping(bed.node(1).namespace, PEER_POD, 50)).toBe(50);
    expect(await ping(peer, podIp, 50)).toBe(50);
  });

  test("UDP comes back as it was sent, both ways, whatever its size", async () => {
    // Small, of the whole MTU, in three fragments, and of the largest size there is.
    const lengths = [64, 1444, 4000, 65_000];
    const pod = bed.node(1).podNamespace;
    const all = lengths.map((length) => ({ length, answered: 20 }));
    expect(await askUdp(pod, { namespace: peer, ip: PEER_POD }, lengths, 20)).toEqual(all);
    expect(await askUdp(peer, { namespace: pod, ip: podIp }, lengths, 20)).toEqual(all);
  });

  test("TCP arrives as it was sent, both ways", async () => {
    const pod = bed.node(1).podNamespace;
    const there = await transfer(pod, { namespace: peer, ip: PEER_POD }, TRANSFER_BYTES);
    expect(there.received).toEqual(there.sent);
    const back = await transfer(peer, { namespace: pod, ip: podIp }, TRANSFER_BYTES);
    expect(back.received).toEqual(back.sent);
  });

  test("on the wire are bare IP packets", async () => {
    const pod = bed.node(1).podNamespace;
    const datagrams = await captureWhile(async (captured) => {
      await ping(pod, PEER_POD, 3);
      await transfer(pod, { namespace: peer, ip: PEER_POD }, 200_000);
      await askUdp(pod, { namespace: peer, ip: PEER_POD }, [4000], 3);
      // They were the last: three fragments each, there and back.
      await eventually(async () => (await captured()).filter(({ protocol }) => protocol === 17)).toHaveLength(
        18,
      );
    });
    expect(new Set(datagrams.map(({ outer }) => outer))).toEqual(
      new Set([`198.18.1.1 > ${PEER_IP}`, `${PEER_IP} > 198.18.1.1`]),
    );
    expect(new Set(datagrams.map(({ inner }) => inner))).toEqual(
      new Set([`${podIp} > ${PEER_POD}`, `${PEER_POD} > ${podIp}`]),
    );
    expect(new Set(datagrams.map(({ protocol }) => protocol))).toEqual(new Set([1, 6, 17]));
    expect(datagrams.some(({ fragment }) => fragment)).toBe(true);
    expect(Math.max(...datagrams.map(({ bytes }) => bytes))).toBe(1472);
  });
});

describe("a host that lies", () => {
  const PACKETS = 200;

  beforeAll(() => program.stop());

  test("the truth gets through: the count below would see it", async () => {
    const before = await packetsInPod();
    await send(peer, PEER_IP, PEER_POD, PACKETS);
    await eventually(async () => (await packetsInPod()) - before).toBe(PACKETS);
  });

  test.each([
    ["a subnet that nobody has", () => "10.244.251.2"],
    ["another peer's subnet", () => `${otherSubnet}.77`],
    ["the pod's own subnet", () => podIp.replace(/\.\d+$/, ".77")],
    ["an address of the Internet", () => "192.0.2.7"],
    ["the peer's own underlay address", () => PEER_IP],
  ])("a known peer with a source in %s reaches no pod", async (_title, source) => {
    const [packets, counters] = [await packetsInPod(), await readUdpCounters(bed.node(1))];
    await send(peer, PEER_IP, source(), PACKETS);
    await eventually(async () => (await readUdpCounters(bed.node(1)))["drop-foreign-source"]).toBe(
      counters["drop-foreign-source"] + PACKETS,
    );
    expect(await packetsInPod()).toBe(packets);
  });

  test.each([
    ["an unknown host", () => stranger, STRANGER_IP, 8285],
    ["another port of a known peer", () => peer, PEER_IP, 8286],
  ])("%s reaches no pod, whatever it claims", async (_title, namespace, ip, port) => {
    const [packets, counters] = [await packetsInPod(), await readUdpCounters(bed.node(1))];
    await send(namespace(), ip, PEER_POD, PACKETS, port);
    await eventually(async () => (await readUdpCounters(bed.node(1)))["drop-unknown-peer"]).toBe(
      counters["drop-unknown-peer"] + PACKETS,
    );
    expect(await packetsInPod()).toBe(packets);
  });
});

/** How many of `count` pings were answered, the last of them within the timeout. */
async function ping(from: string, ip: string, count: number, timeoutMs = LAST_REPLY_MS): Promise<number> {
  const { sent, lost } = await pingMesh(
    [{ name: "from", namespace: from }],
    [{ name: "to", ip: parseIp(ip) }],
    { count, intervalMs: 5, timeoutMs },
  );
  return sent - lost;
}

/**
 * What crosses node1's cable meanwhile, each datagram as the wire has it. `act` is handed what reads the datagrams
 * that were written by then; tcpdump forgets those that it has not written when it is ended.
 */
async function captureWhile(
  act: (captured: () => Promise<readonly BareDatagram[]>) => Promise<void>,
): Promise<readonly BareDatagram[]> {
  const { namespace, directory } = bed.node(1);
  const file = `${directory}/capture.pcap`;
  // A cable of namespaces takes runs of datagrams in one piece, which no wire does: nor shall the capture.
  await run("ip", ["-n", namespace, "link", "set", "eth0", "gso_max_segs", "1"]);
  const tcpdump = DaemonProcess.start(namespace, [
    "tcpdump",
    "-i",
    "eth0",
    "--immediate-mode",
    // A short snapshot: with the longest the kernel's buffer holds no more than 64 packets.
    "-s",
    "2048",
    "-U",
    "-B",
    "16384",
    "-w",
    file,
    "udp",
    "port",
    "8285",
  ]);
  try {
    await eventually(() => tcpdump.output).toContain("listening");
    await act(() => readBareDatagrams(file));
  } finally {
    await tcpdump.stop();
    await run("ip", ["-n", namespace, "link", "set", "eth0", "gso_max_segs", "65535"]);
  }
  return readBareDatagrams(file);
}

/** IPv4 packets that the pod's kernel has received. */
async function packetsInPod(): Promise<number> {
  const { podNamespace } = bed.node(1);
  const text = await run("ip", inNamespace(podNamespace, ["cat", "/proc/net/snmp"]));
  const [names, values] = text.split("\n").filter((line) => line.startsWith("Ip:"));
  const index = names?.split(" ").indexOf("InReceives") ?? -1;
  return Number(values?.split(" ")[index]);
}

/** Sends datagrams to node1, each an empty UDP packet from `source` to the pod. */
async function send(from: string, ip: string, source: string, count: number, port = 8285): Promise<void> {
  const words = [ip, String(port), "198.18.1.1", source, podIp, String(count)];
  await run("ip", inNamespace(from, [process.execPath, resolve("test/support/forge.mjs"), ...words]));
}
