/** Lookups against a plain search for the longest prefix. */
import fc from "fast-check";
import { expect, test } from "vitest";
import type { ForwardingView, TunnelPeer } from "../../backends/udp/forwarding-table.ts";
import { udpPacket } from "../../bench/packets/packets.ts";
import {
  containsIp,
  type Ip,
  type Ipv4Prefix,
  type Ipv6Prefix,
  ipFromBits,
  parsePrefix,
  prefixLength,
  prefixOf,
} from "../../src/net/index.ts";
import { runs } from "../support/property-runs.ts";
import { LaneBench } from "../support/udp-oracle/lane-bench.ts";

const OWN: Pick<ForwardingView, "subnets" | "tun" | "hosts"> = {
  subnets: { v4: parsePrefix("10.0.0.0/24") as Ipv4Prefix, v6: parsePrefix("fd00::/64") as Ipv6Prefix },
  tun: { v4: null, v6: null },
  hosts: [],
};
const SOURCE = { v4: ipFromBits("v4", 0x0a000001n), v6: ipFromBits("v6", 0xfd00n << 112n) };

/** Addresses and prefixes close together, so that they often nest and often miss. */
const subnet = fc.oneof(
  fc
    .tuple(fc.bigInt({ min: 0n, max: 0xffffn }), fc.integer({ min: 12, max: 32 }))
    .map(([low, length]) => prefixOf(ipFromBits("v4", 0x0b000000n + (low << 4n)), length)),
  fc
    .tuple(fc.bigInt({ min: 0n, max: 0xffffn }), fc.integer({ min: 40, max: 128 }))
    .map(([low, length]) => prefixOf(ipFromBits("v6", (0xfd01n << 112n) + (low << 60n)), length)),
);
const address = fc.oneof(
  fc.bigInt({ min: 0n, max: 0xfffffn }).map((low) => ipFromBits("v4", 0x0b000000n + low)),
  fc.bigInt({ min: 0n, max: 0xfffffn }).map((low) => ipFromBits("v6", (0xfd01n << 112n) + (low << 56n))),
);

test("the longest prefix wins, and of equal ones the first", async () => {
  const bench = await LaneBench.create({ ...OWN, peers: [] }, 64);
  fc.assert(
    fc.property(
      fc.array(subnet, { maxLength: 60 }),
      fc.array(address, { minLength: 1, maxLength: 40 }),
      (subnets, addresses) => {
        const peers: TunnelPeer[] = subnets.map((prefix, index) => ({
          paths: [
            {
              subnet: prefix,
              remote: { ip: ipFromBits("v4", 0xc0a80000n + BigInt(index)), port: 8285, mtuBytes: 1472 },
            },
          ],
        }));
        expect(bench.table.tryPublish({ ...OWN, peers })).toBe(true);
        const expected = addresses.map((ip) => longestMatch(peers, ip));
        const found = addresses.map((destination) => {
          const source = destination.includes(":") ? SOURCE.v6 : SOURCE.v4;
          const packet = udpPacket(
            { source, destination },
            { sourcePort: 1, destinationPort: 2 },
            new Uint8Array(1),
          );
          return bench.egress([{ packet }]).messages[0]?.to.ip ?? null;
        });
        expect(found).toEqual(expected);
      },
    ),
    runs(100),
  );
});

/** Few addresses, so that many remotes share one or have another's. */
const outer = fc.integer({ min: 1, max: 12 }).map((low) => ipFromBits("v4", 0xc0a80000n + BigInt(low)));
const sender = fc.record({ subnet, ip: outer, source: fc.option(outer, { nil: undefined }) });

test("a packet goes in where the longest prefix around its source leads to where it came from, or to who sends from there too", async () => {
  const bench = await LaneBench.create({ ...OWN, peers: [] }, 64);
  fc.assert(
    fc.property(
      fc.uniqueArray(sender, { maxLength: 12, selector: ({ ip }) => ip }),
      fc.array(fc.tuple(address, outer), { minLength: 1, maxLength: 60 }),
      (senders, packets) => {
        const peers: TunnelPeer[] = senders.map(({ subnet: prefix, ip, source }) => ({
          paths: [{ subnet: prefix, remote: { ip, port: 8285, mtuBytes: 1472, ...(source && { source }) } }],
        }));
        expect(bench.table.tryPublish({ ...OWN, peers })).toBe(true);
        const sourceOf = new Map<Ip, Ip | undefined>(senders.map(({ ip, source }) => [ip, source]));
        for (const [source, ip] of packets) {
          const destination = source.includes(":") ? SOURCE.v6 : SOURCE.v4;
          const bytes = udpPacket(
            { source, destination },
            { sourcePort: 1, destinationPort: 2 },
            new Uint8Array(1),
          );
          const back = longestMatch(peers, source);
          const isTaken = back !== null && (back === ip || sourceOf.get(back) === ip);
          const { writes } = bench.ingress([{ from: { ip, port: 8285 }, bytes }]);
          expect(writes).toHaveLength(isTaken ? 1 : 0);
        }
      },
    ),
    runs(100),
  );
});

function longestMatch(peers: readonly TunnelPeer[], ip: Ip): Ip | null {
  let best: { length: number; ip: Ip } | null = null;
  for (const path of peers.flatMap((peer) => peer.paths)) {
    if (!containsIp(path.subnet, ip)) continue;
    const length = prefixLength(path.subnet);
    if (best === null || length > best.length) best = { length, ip: path.remote.ip };
  }
  return best?.ip ?? null;
}
