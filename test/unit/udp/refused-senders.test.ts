/** Whose packets were refused, as the lanes note it and the main thread takes it. */
import { expect, test } from "vitest";
import { countRefused, takeRefusedSenders } from "../../../backends/udp/refused-senders.ts";
import { udpPacket } from "../../../bench/packets/packets.ts";
import { ipv4FromBits, parseIpv4, parseIpv6 } from "../../../src/net/index.ts";
import { LaneBench } from "../../support/udp-oracle/lane-bench.ts";
import { POD_A4, POD_B4, POD4, REMOTE_A, VIEW } from "../../support/udp-oracle/topology.ts";

const PORTS = { sourcePort: 1, destinationPort: 2 };
const packetOf = (source: typeof POD4, destination = POD4) =>
  udpPacket({ source, destination }, PORTS, new Uint8Array(8));

test("strangers of both families and peers that forge are named once, by reason", async () => {
  const bench = await LaneBench.create(VIEW);
  const strangers = [parseIpv4("192.0.2.1"), parseIpv6("2001:db8::bad")];
  for (let round = 0; round < 3; round++) {
    for (const ip of strangers) bench.ingress([{ from: { ip, port: 8285 }, bytes: packetOf(POD_A4) }]);
    bench.ingress([{ from: REMOTE_A, bytes: packetOf(POD_B4) }]);
  }
  expect(countRefused(bench.shared)).toEqual({
    "unknown-peer": { packets: 6 },
    "foreign-source": { packets: 3 },
  });
  expect(new Set(takeRefusedSenders(bench.shared, "unknown-peer"))).toEqual(new Set(strangers));
  expect(takeRefusedSenders(bench.shared, "foreign-source")).toEqual([REMOTE_A.ip]);
  expect(takeRefusedSenders(bench.shared, "unknown-peer")).toEqual([]);
});

test("what is delivered, and what this node's own pods are refused, is nobody's", async () => {
  const bench = await LaneBench.create(VIEW);
  bench.ingress([{ from: REMOTE_A, bytes: packetOf(POD_A4) }]);
  bench.egress([{ packet: packetOf(POD_B4, POD_A4) }]);
  expect(bench.counters("egress")["drop-foreign-source"]).toBe(1n);
  expect(countRefused(bench.shared)).toEqual({
    "unknown-peer": { packets: 0 },
    "foreign-source": { packets: 0 },
  });
  expect(takeRefusedSenders(bench.shared, "foreign-source")).toEqual([]);
});

test("of a flood of forged senders some are named, and never more than there is room for", async () => {
  const bench = await LaneBench.create(VIEW);
  for (let index = 0; index < 500; index++) {
    const ip = ipv4FromBits(0xcb007100 + index);
    bench.ingress([{ from: { ip, port: 8285 }, bytes: packetOf(POD_A4) }]);
  }
  const named = takeRefusedSenders(bench.shared, "unknown-peer");
  expect(named.length).toBeGreaterThan(0);
  expect(named.length).toBeLessThanOrEqual(16);
});
