/** TUN to UDP, one rule at a time. */
import { beforeEach, describe, expect, test } from "vitest";
import { concat, set16 } from "../../../bench/packets/bytes.ts";
import {
  type IpFields,
  ipPacket,
  oneHopLater,
  tcpPacket,
  udpPacket,
} from "../../../bench/packets/packets.ts";
import { encodeVirtio, GSO, PLAIN, superPacket } from "../../../bench/packets/super-packets.ts";
import { parseIpv4, parseIpv6 } from "../../../src/net/index.ts";
import { LaneBench, NO_OFFLOADS } from "../../support/udp-oracle/lane-bench.ts";
import { segment } from "../../support/udp-oracle/segment.ts";
import { patterned } from "../../support/udp-oracle/streams.ts";
import {
  MTU,
  POD_A4,
  POD_A6,
  POD_B4,
  POD4,
  POD6,
  REMOTE_A,
  REMOTE_A6,
  REMOTE_B,
  VIEW,
} from "../../support/udp-oracle/topology.ts";

let bench: LaneBench;
beforeEach(async () => {
  bench = await LaneBench.create(VIEW);
});

const TO_A: IpFields = { source: POD4, destination: POD_A4 };
const PORTS = { sourcePort: 1000, destinationPort: 2000 };

function datagram(ip: IpFields, length = 100, seed = 1): Uint8Array {
  return udpPacket(ip, PORTS, patterned(length, seed));
}

/** The only counter of drops that is not 0, or null. */
function droppedAs(): string | null {
  const drops = Object.entries(bench.counters("egress")).filter(
    ([name, n]) => name.startsWith("drop-") && n > 0n,
  );
  expect(drops.length).toBeLessThanOrEqual(1);
  return drops[0]?.[0] ?? null;
}

describe("forwarding", () => {
  test("a packet goes to the peer behind whose subnet it lies, one hop later", () => {
    const packet = datagram(TO_A);
    expect(bench.egress([{ packet }]).messages).toEqual([
      { to: { ip: REMOTE_A.ip, port: 8285 }, datagrams: [oneHopLater(packet)], segmentSize: null },
    ]);
  });

  test("IPv6 goes to the peer's IPv6 address", () => {
    const packet = datagram({ source: POD6, destination: POD_A6 });
    expect(bench.egress([{ packet }]).messages).toEqual([
      { to: { ip: REMOTE_A6.ip, port: 8285 }, datagrams: [oneHopLater(packet)], segmentSize: null },
    ]);
  });

  test("the host itself may send from its other addresses", () => {
    const packet = datagram({ ...TO_A, source: parseIpv4("192.168.0.1") });
    expect(bench.egress([{ packet }]).messages).toHaveLength(1);
  });

  test("bytes behind the packet's own end are left out", () => {
    const packet = datagram(TO_A);
    const { messages } = bench.egress([{ packet: concat(packet, new Uint8Array(9)) }]);
    expect(messages[0]?.datagrams).toEqual([oneHopLater(packet)]);
  });

  test("options, fragments and extension headers pass as they are", () => {
    const packets = [
      datagram({ ...TO_A, options: new Uint8Array(8).fill(1) }, 50),
      ipPacket({ ...TO_A, dontFragment: false, moreFragments: true }, 17, patterned(64, 2)),
      ipPacket({ ...TO_A, dontFragment: false, fragmentOffset: 8 }, 17, patterned(48, 3)),
    ];
    const hopByHop = { first: 0, bytes: Uint8Array.of(17, 0, 1, 4, 0, 0, 0, 0) };
    const six = datagram({ source: POD6, destination: POD_A6, extensions: hopByHop });
    const { messages } = bench.egress([...packets, six].map((packet) => ({ packet })));
    const sent = messages.flatMap((message) => message.datagrams);
    expect(sent).toEqual([...packets, six].map(oneHopLater));
  });
});

describe("runs", () => {
  test("packets of one size to one peer leave as one message; a shorter one ends it", () => {
    const sizes = [100, 100, 100, 60, 100];
    const packets = sizes.map((size, seed) => datagram(TO_A, size, seed));
    const { messages } = bench.egress(packets.map((packet) => ({ packet })));
    expect(messages.map((message) => message.datagrams.length)).toEqual([4, 1]);
    expect(messages.map((message) => message.segmentSize)).toEqual([128, null]);
    expect(messages.flatMap((message) => message.datagrams)).toEqual(packets.map(oneHopLater));
  });

  test("peers have runs of their own, each in order", () => {
    const packets = [POD_A4, POD_B4, POD_A4, POD_B4].map((destination, seed) =>
      datagram({ ...TO_A, destination }, 100, seed),
    );
    const { messages } = bench.egress(packets.map((packet) => ({ packet })));
    expect(messages.map((message) => message.to.ip)).toEqual([REMOTE_A.ip, REMOTE_B.ip]);
    expect(messages[0]?.datagrams).toEqual(
      [0, 2].map((index) => oneHopLater(packets[index] ?? expect.fail())),
    );
  });

  test("no message has more than 64 packets or 65,507 bytes", () => {
    const { messages } = bench.egress(Array.from({ length: 150 }, () => ({ packet: datagram(TO_A, 1400) })));
    expect(messages.map((message) => message.datagrams.length)).toEqual([45, 45, 45, 15]);
    const small = bench.egress(Array.from({ length: 150 }, () => ({ packet: datagram(TO_A, 10) })));
    expect(small.messages.map((message) => message.datagrams.length)).toEqual([64, 64, 22]);
  });

  test("without offloads every packet is a message", () => {
    bench.setOffloads(NO_OFFLOADS);
    const packets = [1, 2, 3].map((seed) => datagram(TO_A, 100, seed));
    const { messages } = bench.egress(packets.map((packet) => ({ packet })));
    expect(messages.map((message) => message.datagrams)).toEqual(
      packets.map((packet) => [oneHopLater(packet)]),
    );
    expect(messages.every((message) => message.segmentSize === null)).toBe(true);
  });
});

describe("super-packets", () => {
  const large = tcpPacket(TO_A, { ...PORTS, sequence: 2 ** 32 - 3000 }, patterned(64_000, 4));

  test("are spread evenly over messages", () => {
    const made = superPacket(large, MTU - 40);
    const { messages } = bench.egress([made]);
    expect(messages.map((message) => message.datagrams.length)).toEqual([23, 22]);
    expect(messages.flatMap((message) => message.datagrams)).toEqual(
      segment(made.virtio, oneHopLater(made.packet)),
    );
  });

  test("never overtake packets to the same peer", () => {
    const before = datagram(TO_A, 100, 1);
    const after = datagram(TO_A, 100, 2);
    const made = superPacket(large, MTU - 40);
    const { messages } = bench.egress([{ packet: before }, made, { packet: after }]);
    const sent = messages.flatMap((message) => message.datagrams);
    expect(sent.at(0)).toEqual(oneHopLater(before));
    expect(sent.at(-1)).toEqual(oneHopLater(after));
  });

  test("of tiny segments take several passes, and lose none", () => {
    const made = superPacket(tcpPacket(TO_A, { ...PORTS, sequence: 5 }, patterned(6000, 5)), 1);
    const { messages, passes } = bench.egress([made]);
    expect(passes).toBe(3);
    expect(messages.flatMap((message) => message.datagrams)).toEqual(
      segment(made.virtio, oneHopLater(made.packet)),
    );
  });

  test.each([
    ["UFO, which we never ask for", { gsoType: 3 }],
    ["a type of the other family", { gsoType: GSO.tcp6 }],
    ["a type of the other protocol", { gsoType: GSO.udp }],
    ["no size", { gsoSize: 0 }],
    ["a checksum elsewhere", { csumStart: 24 }],
  ])("with %s are dropped", (_, wrong) => {
    const { virtio, packet } = superPacket(large, 1000);
    expect(bench.egress([{ virtio: { ...virtio, ...wrong }, packet }]).messages).toEqual([]);
    expect(droppedAs()).toBe("drop-offload");
  });
});

describe("when the kernel refuses UDP_SEGMENT", () => {
  test("messages are split from the refused one on, and no packet is lost or doubled", () => {
    const plain = [1, 2, 3].map((seed) => ({ packet: datagram({ ...TO_A, destination: POD_B4 }, 90, seed) }));
    const made = superPacket(tcpPacket(TO_A, { ...PORTS, sequence: 0 }, patterned(5000, 6)), 1000);
    const whole = bench.egress([...plain, made]).messages.map((message) => message.datagrams);
    bench.onPass = (lane) => {
      expect(lane.messageCount(4)).toBe(2);
      expect(lane.splitMessages(4, 1)).toBe(6);
    };
    const split = bench.egress([...plain, made]).messages;
    expect(split.map((message) => message.datagrams.length)).toEqual([3, 1, 1, 1, 1, 1]);
    expect(split.slice(1).every((message) => message.segmentSize === null)).toBe(true);
    expect(split.flatMap((message) => message.datagrams)).toEqual(whole.flat());
  });
});

describe("drops", () => {
  const wrongChecksum = datagram(TO_A);
  set16(wrongChecksum, 10, 0x1234);
  const wrongHeaderLength = datagram(TO_A);
  wrongHeaderLength[0] = 0x44;

  test.each([
    ["drop-runt", datagram(TO_A).subarray(0, 19)],
    ["drop-runt", datagram({ source: POD6, destination: POD_A6 }).subarray(0, 39)],
    ["drop-version", Uint8Array.from(datagram(TO_A), (value, index) => (index === 0 ? 0x55 : value))],
    ["drop-header-length", wrongHeaderLength],
    ["drop-truncated", datagram(TO_A).subarray(0, 60)],
    ["drop-truncated", datagram({ source: POD6, destination: POD_A6 }).subarray(0, 60)],
    ["drop-checksum", wrongChecksum],
    ["drop-foreign-source", datagram({ ...TO_A, source: parseIpv4("10.244.9.1") })],
    ["drop-foreign-source", datagram({ source: parseIpv6("fd00:9::1"), destination: POD_A6 })],
    ["drop-loop", datagram({ ...TO_A, destination: parseIpv4("10.244.1.77") })],
    ["drop-loop", datagram({ ...TO_A, destination: parseIpv4("192.168.0.1") })],
    ["drop-multicast", datagram({ ...TO_A, destination: parseIpv4("224.0.0.251") })],
    ["drop-multicast", datagram({ ...TO_A, destination: parseIpv4("255.255.255.255") })],
    ["drop-multicast", datagram({ source: POD6, destination: parseIpv6("ff02::2") })],
    ["drop-foreign-destination", datagram({ ...TO_A, destination: parseIpv4("0.0.0.0") })],
    ["drop-no-route", datagram({ ...TO_A, destination: parseIpv4("10.244.9.1") })],
    ["drop-ttl", datagram({ ...TO_A, ttl: 1 })],
    ["drop-ttl", datagram({ ...TO_A, ttl: 0 })],
    ["drop-too-big", datagram(TO_A, MTU)],
  ])("%s", (reason, packet) => {
    expect(bench.egress([{ packet }]).messages).toEqual([]);
    expect(droppedAs()).toBe(reason);
    expect(bench.counters("egress").packets).toBe(1n);
    expect(bench.counters("egress").forwarded).toBe(0n);
  });

  test("a read shorter than a virtio-net header", () => {
    expect(bench.egressRaw([encodeVirtio(PLAIN).subarray(0, 9)]).messages).toEqual([]);
    expect(droppedAs()).toBe("drop-runt");
  });

  test("a checksum to complete outside the packet", () => {
    const virtio = { ...PLAIN, flags: 1, csumStart: 20, csumOffset: 200 };
    expect(bench.egress([{ virtio, packet: datagram(TO_A) }]).messages).toEqual([]);
    expect(droppedAs()).toBe("drop-offload");
  });
});

test("what is too long but may be fragmented leaves alone, for the kernel to fragment outside", () => {
  const packet = datagram({ ...TO_A, dontFragment: false }, MTU);
  const { messages } = bench.egress([{ packet }, { packet }]);
  expect(messages.map((message) => message.segmentSize)).toEqual([null, null]);
});
