/** Cutting super-packets: what leaves is what the oracle cuts, whatever was read. */
import fc from "fast-check";
import { beforeAll, expect, test } from "vitest";
import { hex } from "../../bench/packets/bytes.ts";
import { hasRightChecksums, headerBytes, oneHopLater } from "../../bench/packets/packets.ts";
import { GSO, superPacket, withPartialChecksum } from "../../bench/packets/super-packets.ts";
import { runs } from "../support/property-runs.ts";
import { ALL_OFFLOADS, LaneBench, NO_OFFLOADS } from "../support/udp-oracle/lane-bench.ts";
import { segment } from "../support/udp-oracle/segment.ts";
import { largePacket } from "../support/udp-oracle/streams.ts";
import { MTU, VIEW } from "../support/udp-oracle/topology.ts";

let bench: LaneBench;
beforeAll(async () => {
  bench = await LaneBench.create(VIEW);
});

test("a super-packet leaves as the packets that the oracle cuts it into", () => {
  const gsoSize = fc.oneof(
    { weight: 3, arbitrary: fc.integer({ min: 500, max: 1500 }) },
    { weight: 1, arbitrary: fc.integer({ min: 40, max: 500 }) },
  );
  fc.assert(
    fc.property(largePacket, gsoSize, fc.boolean(), fc.boolean(), (packet, wanted, ecn, sendRuns) => {
      bench.setOffloads(sendRuns ? ALL_OFFLOADS : NO_OFFLOADS);
      const size = Math.min(wanted, MTU - 20 - headerBytes(packet));
      const made = superPacket(packet, size);
      const isTcp = made.virtio.gsoType !== GSO.udp;
      const virtio = { ...made.virtio, gsoType: made.virtio.gsoType | (ecn && isTcp ? GSO.ecn : 0) };
      const { messages } = bench.egress([{ virtio, packet: made.packet }]);
      const sent = messages.flatMap((message) => message.datagrams);
      expect(sent.map(hex)).toEqual(segment(virtio, oneHopLater(made.packet)).map(hex));
      expect(sent.every(hasRightChecksums)).toBe(true);
      const sizes = messages.map((message) => message.datagrams.length);
      expect(Math.max(...sizes)).toBeLessThanOrEqual(sendRuns ? 64 : 1);
      // Evenly filled: no message but the last holds fewer than another.
      expect(new Set(sizes.slice(0, -1)).size).toBeLessThanOrEqual(1);
    }),
    runs(300),
  );
});

test("a checksum that was left to the device is completed", () => {
  bench.setOffloads(ALL_OFFLOADS);
  fc.assert(
    fc.property(largePacket, (large) => {
      const packet = large.length > MTU - 20 ? null : large;
      fc.pre(packet !== null);
      const { messages } = bench.egress([withPartialChecksum(packet)]);
      const [sent] = messages.flatMap((message) => message.datagrams);
      expect(sent).toBeDefined();
      expect(hasRightChecksums(sent ?? new Uint8Array(0))).toBe(true);
    }),
    runs(50),
  );
});
