/** ICMP errors of the fast path: what they say, where they go, and when none may be sent. */
import { beforeEach, describe, expect, test } from "vitest";
import { byte, get16, get32 } from "../../../bench/packets/bytes.ts";
import { type IpFields, icmpPacket, ipPacket, tcpPacket, udpPacket } from "../../../bench/packets/packets.ts";
import { superPacket } from "../../../bench/packets/super-packets.ts";
import { parseIpv4, parseIpv6 } from "../../../src/net/index.ts";
import { LaneBench } from "../../support/udp-oracle/lane-bench.ts";
import { patterned } from "../../support/udp-oracle/streams.ts";
import {
  MTU,
  POD_A4,
  POD_A6,
  POD4,
  POD6,
  REMOTE_A,
  REMOTE_A6,
  TUN4,
  TUN6,
  VIEW,
} from "../../support/udp-oracle/topology.ts";

let bench: LaneBench;
beforeEach(async () => {
  bench = await LaneBench.create(VIEW);
});

const PORTS = { sourcePort: 1000, destinationPort: 2000 };
const NOWHERE4 = parseIpv4("10.244.9.9");
const NOWHERE6 = parseIpv6("fd00:9::9");

function datagram(ip: IpFields, length = 100): Uint8Array {
  return udpPacket(ip, PORTS, patterned(length, 1));
}

/** What Linux would have to say, written by the oracle: the error's own header is compared in full. */
function error4(
  type: number,
  code: number,
  rest: readonly number[],
  about: Uint8Array,
  to = POD4,
): Uint8Array {
  const quoted = about.subarray(0, 576 - 28);
  const ip = { source: TUN4, destination: to, tos: 0xc0 };
  return icmpPacket(ip, type, code, Uint8Array.of(...rest, ...quoted));
}

function error6(type: number, rest: readonly number[], about: Uint8Array, to = POD6): Uint8Array {
  return icmpPacket(
    { source: TUN6, destination: to },
    type,
    0,
    Uint8Array.of(...rest, ...about.subarray(0, 1280 - 48)),
  );
}

describe("to the TUN, about what was read from it", () => {
  test("TTL expired", () => {
    const packet = datagram({ source: POD4, destination: POD_A4, ttl: 1 });
    expect(bench.egress([{ packet }]).writes.map((write) => write.packet)).toEqual([
      error4(11, 0, [0, 0, 0, 0], packet),
    ]);
    expect(bench.counters("egress")["icmp-time-exceeded"]).toBe(1n);
  });

  test("hop limit expired", () => {
    const packet = datagram({ source: POD6, destination: POD_A6, ttl: 1 }, 1400);
    expect(bench.egress([{ packet }]).writes.map((write) => write.packet)).toEqual([
      error6(3, [0, 0, 0, 0], packet),
    ]);
  });

  test("no route", () => {
    const four = datagram({ source: POD4, destination: NOWHERE4 });
    const six = datagram({ source: POD6, destination: NOWHERE6 });
    expect(bench.egress([{ packet: four }, { packet: six }]).writes.map((write) => write.packet)).toEqual([
      error4(3, 0, [0, 0, 0, 0], four),
      error6(1, [0, 0, 0, 0], six),
    ]);
  });

  test("fragmentation needed, and packet too big", () => {
    const four = datagram({ source: POD4, destination: POD_A4 }, MTU);
    const six = datagram({ source: POD6, destination: POD_A6 }, MTU - 20);
    expect(bench.egress([{ packet: four }, { packet: six }]).writes.map((write) => write.packet)).toEqual([
      error4(3, 4, [0, 0, MTU >>> 8, MTU & 255], four),
      error6(2, [0, 0, (MTU - 20) >>> 8, (MTU - 20) & 255], six),
    ]);
  });

  test("one error for a whole super-packet whose segments are too long", () => {
    const large = tcpPacket(
      { source: POD4, destination: POD_A4 },
      { ...PORTS, sequence: 0 },
      patterned(20_000, 1),
    );
    const { writes, messages } = bench.egress([superPacket(large, MTU)]);
    expect(messages).toEqual([]);
    expect(writes.map(({ packet }) => [byte(packet, 20), byte(packet, 21), get16(packet, 26)])).toEqual([
      [3, 4, MTU],
    ]);
  });

  test("IPv6 is never told less than 1,280 bytes", async () => {
    const remote = { ...REMOTE_A6, mtuBytes: 1000 };
    const path = { subnet: VIEW.peers[0]?.paths[1]?.subnet ?? expect.fail(), remote };
    bench = await LaneBench.create({ ...VIEW, peers: [{ paths: [path] }] });
    const fits = datagram({ source: POD6, destination: POD_A6 }, 1280 - 48);
    const tooBig = datagram({ source: POD6, destination: POD_A6 }, 1281 - 48);
    const { messages, writes } = bench.egress([{ packet: fits }, { packet: tooBig }]);
    expect(messages).toHaveLength(1);
    expect(writes.map(({ packet }) => get32(packet, 44))).toEqual([1280]);
  });
});

test("to the peer, about what came from it", () => {
  const bytes = datagram({ source: POD_A4, destination: POD4, ttl: 1 });
  const { messages, writes } = bench.ingress([{ from: REMOTE_A, bytes }]);
  expect(writes).toEqual([]);
  expect(messages).toEqual([
    {
      to: { ip: REMOTE_A.ip, port: 8285 },
      datagrams: [error4(11, 0, [0, 0, 0, 0], bytes, POD_A4)],
      segmentSize: null,
    },
  ]);
});

describe("none", () => {
  const v4 = { source: POD4, destination: NOWHERE4 };
  const v6 = { source: POD6, destination: NOWHERE6 };
  const fragmentHeader = (offset: number) => ({
    first: 44,
    bytes: Uint8Array.of(17, 0, offset >>> 8, offset & 255, 0, 0, 0, 1),
  });
  const rest = patterned(40, 7);

  test.each<[string, Uint8Array]>([
    ["ICMP unreachable", icmpPacket(v4, 3, 1, rest)],
    ["ICMP source quench", icmpPacket(v4, 4, 0, rest)],
    ["ICMP redirect", icmpPacket(v4, 5, 0, rest)],
    ["ICMP time exceeded", icmpPacket(v4, 11, 0, rest)],
    ["ICMP parameter problem", icmpPacket(v4, 12, 0, rest)],
    ["ICMP without a type", ipPacket(v4, 1, new Uint8Array(0))],
    ["ICMPv6 errors", icmpPacket(v6, 1, 0, rest)],
    ["ICMPv6 redirect", icmpPacket(v6, 137, 0, rest)],
    [
      "ICMPv6 errors behind extension headers",
      icmpPacket(
        { ...v6, extensions: { first: 60, bytes: Uint8Array.of(58, 0, 1, 4, 0, 0, 0, 0) } },
        3,
        0,
        rest,
      ),
    ],
    [
      "a header chain that ends nowhere",
      ipPacket(
        { ...v6, extensions: { first: 60, bytes: Uint8Array.of(60, 99, 0, 0, 0, 0, 0, 0) } },
        17,
        rest,
      ),
    ],
    ["later fragments", ipPacket({ ...v4, dontFragment: false, fragmentOffset: 10 }, 17, rest)],
    ["later fragments of IPv6", ipPacket({ ...v6, extensions: fragmentHeader(80) }, 17, rest)],
    ["multicast", datagram({ ...v4, destination: parseIpv4("224.0.0.1") })],
    ["broadcast", datagram({ ...v4, destination: parseIpv4("255.255.255.255") })],
    ["an unspecified source", datagram({ ...v4, source: parseIpv4("0.0.0.0") })],
    ["a foreign source", datagram({ ...v4, source: parseIpv4("10.244.8.8") })],
  ])("about %s", (_, packet) => {
    expect(bench.egress([{ packet }]).writes).toEqual([]);
  });

  test.each<[string, Uint8Array]>([
    ["an echo request", icmpPacket(v4, 8, 0, rest)],
    ["an ICMPv6 echo request", icmpPacket(v6, 128, 0, rest)],
    ["a first fragment", ipPacket({ ...v4, dontFragment: false, moreFragments: true }, 17, rest)],
    ["a first fragment of IPv6", ipPacket({ ...v6, extensions: fragmentHeader(1) }, 17, rest)],
  ])("but one about %s", (_, packet) => {
    expect(bench.egress([{ packet }]).writes).toHaveLength(1);
  });

  test("without an address of the TUN", async () => {
    bench = await LaneBench.create({ ...VIEW, tun: { v4: null, v6: null } });
    expect(bench.egress([{ packet: datagram(v4) }, { packet: datagram(v6) }]).writes).toEqual([]);
  });
});

describe("the rate limit", () => {
  const flood = Array.from({ length: 50 }, () => ({
    packet: datagram({ source: POD4, destination: NOWHERE4 }),
  }));

  test("no second sees more than 100, and a flood gets nearly as many", () => {
    const sent: number[] = [];
    for (let ms = 0; ms < 5000; ms += 10) {
      bench.nowMs = 1_000_000 + ms;
      sent.push(bench.egress(flood).writes.length);
    }
    for (let start = 0; start + 100 <= sent.length; start += 10) {
      const inSecond = sent.slice(start, start + 100).reduce((sum, n) => sum + n, 0);
      expect(inSecond).toBeLessThanOrEqual(100);
      expect(inSecond).toBeGreaterThanOrEqual(85);
    }
    const { "icmp-unreachable": unreachable, "icmp-limited": limited } = bench.counters("egress");
    expect(unreachable + limited).toBe(50n * 500n);
  });

  test("holds over both directions together", () => {
    const expired = Array.from({ length: 50 }, () => ({
      from: REMOTE_A,
      bytes: datagram({ source: POD_A4, destination: POD4, ttl: 1 }),
    }));
    const sent = bench.egress(flood).writes.length + bench.ingress(expired).messages.length;
    expect(sent).toBe(10);
  });
});
