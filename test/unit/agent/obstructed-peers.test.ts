import { describe, expect, test } from "vitest";
import { obstructedPeers } from "../../../src/agent/obstructed-peers.ts";
import { ObstructionLog } from "../../../src/agent/obstruction-log.ts";
import type { ObservedRoute } from "../../../src/kernel/observed.ts";
import { parsePrefix } from "../../../src/net/index.ts";
import { RecordingLog } from "../../support/recording-log.ts";
import { samplePeer } from "../../support/sample-node.ts";

const PEERS = [samplePeer(2), samplePeer(3)];

function route(dst: string, over: Partial<ObservedRoute> = {}): ObservedRoute {
  const common = { via: null, onlink: false, mtuBytes: null, source: null, metric: 0 };
  return { ...common, dst: parsePrefix(dst), iface: "cni0", protocol: 2, ...over };
}

describe("a peer is named whose subnet a route of others leads to", () => {
  test.each([
    ["the whole of it", route("10.244.2.0/24"), "10.244.2.0/24 dev cni0 proto 2"],
    ["a part of it", route("10.244.2.64/26", { iface: null, protocol: 12 }), "10.244.2.64/26 by no single"],
    ["in IPv6", route("fd00:10:244:2::/64", { metric: 256 }), "fd00:10:244:2::/64 dev cni0"],
  ])("%s", (_what, foreign, named) => {
    expect(obstructedPeers(PEERS, [foreign])).toEqual([
      expect.objectContaining({
        peer: "peer2",
        code: "foreign-route",
        reason: expect.stringContaining(named),
      }),
    ]);
  });

  test("once, whatever parts of it are others'", () => {
    const parts = ["10.244.2.64/26", "10.244.2.0/25", "10.244.2.9/32"].map((dst) => route(dst));
    const [one, ...more] = obstructedPeers(PEERS, parts);
    expect(one?.reason).toContain("10.244.2.0/25");
    expect(more).toEqual([]);
  });
});

test("routes beside the peers' subnets, around them and behind ours hide nobody", () => {
  const others = [
    route("10.244.1.0/24"),
    route("10.244.0.0/16", { iface: null }),
    route("10.244.2.0/24", { iface: null, protocol: 4, metric: 4000 }),
  ];
  expect(obstructedPeers(PEERS, others)).toEqual([]);
});

test("the log names each once, and says when it has passed", () => {
  const log = new RecordingLog();
  const obstructions = new ObstructionLog(log);
  const hidden = obstructedPeers(PEERS, [route("10.244.2.0/24")]);
  for (const present of [hidden, hidden, [], []]) obstructions.report(present);
  expect(log.lines.map(({ message }) => message)).toEqual([
    "peer hidden by a route of others",
    "peer no longer hidden",
  ]);
});

test("many at once are named by their number", () => {
  const log = new RecordingLog();
  const peers = Array.from({ length: 100 }, (_, number) => samplePeer(number + 2));
  new ObstructionLog(log).report(
    obstructedPeers(
      peers,
      peers.flatMap(({ subnets }) => route(subnets.v4 ?? "")),
    ),
  );
  expect(log.lines).toHaveLength(17);
});
