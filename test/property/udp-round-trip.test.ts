/** Through both directions: what one node cuts and sends, the other joins; cut again it is what was sent. */
import fc from "fast-check";
import { beforeAll, expect, test } from "vitest";
import { concat, hex } from "../../bench/packets/bytes.ts";
import { headerBytes, oneHopLater } from "../../bench/packets/packets.ts";
import { superPacket } from "../../bench/packets/super-packets.ts";
import { runs } from "../support/property-runs.ts";
import { LaneBench, type SentMessage } from "../support/udp-oracle/lane-bench.ts";
import { segment } from "../support/udp-oracle/segment.ts";
import { largePacket } from "../support/udp-oracle/streams.ts";
import { MTU, REMOTE_US, REMOTE_US6, VIEW, VIEW_OF_A } from "../support/udp-oracle/topology.ts";

let sender: LaneBench;
let receiver: LaneBench;
beforeAll(async () => {
  sender = await LaneBench.create(VIEW);
  receiver = await LaneBench.create(VIEW_OF_A);
});

/** A message as the receiver's kernel hands it over: whole (UDP_GRO), or datagram by datagram. */
function arrive(message: SentMessage, isMerged: boolean) {
  const from = message.to.ip.includes(":") ? REMOTE_US6 : REMOTE_US;
  if (!isMerged || message.segmentSize === null) return message.datagrams.map((bytes) => ({ from, bytes }));
  return [{ from, bytes: concat(...message.datagrams), groSize: message.segmentSize }];
}

test("coalescing, then segmenting, gives back the packets, two hops later", () => {
  const reads = fc.array(fc.tuple(largePacket, fc.integer({ min: 300, max: 1400 })), {
    minLength: 1,
    maxLength: 4,
  });
  fc.assert(
    fc.property(reads, fc.boolean(), (packets, isMerged) => {
      const supers = packets.map(([packet, size]) =>
        superPacket(packet, Math.min(size, MTU - 20 - headerBytes(packet))),
      );
      const { messages } = sender.egress(supers);
      const { writes } = receiver.ingress(messages.flatMap((message) => arrive(message, isMerged)));
      const cut = writes.flatMap(({ virtio, packet }) => segment(virtio, packet));
      const wanted = supers.flatMap(({ virtio, packet }) =>
        segment(virtio, oneHopLater(oneHopLater(packet))),
      );
      expect(cut.map(hex).sort()).toEqual(wanted.map(hex).sort());
    }),
    runs(100),
  );
});
