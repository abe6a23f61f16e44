import { describe, expect, test } from "vitest";
import { obstructedPeers } from "../../../src/agent/reports/obstructed-peers.ts";
import { ObstructionLog } from "../../../src/agent/reports/obstruction-log.ts";
import type { ObservedRoute, ObservedRule, PolicyRoute } from "../../../src/kernel/observed.ts";
import { parsePrefix } from "../../../src/net/index.ts";
import { RecordingLog } from "../../support/recording-log.ts";
import { sampleNode, samplePeer } from "../../support/sample-node.ts";

const PEERS = [samplePeer(2), samplePeer(3)];

function route(dst: string, over: Partial<ObservedRoute> = {}): ObservedRoute {
  const common = { via: null, onlink: false, mtuBytes: null, source: null, metric: 0 };
  return { ...common, dst: parsePrefix(dst), iface: "cni0", protocol: 2, ...over };
}

/** Seen from a node whose subnet is 10.244.1.0/24. */
function hiddenBy(foreign: readonly ObservedRoute[], rules: readonly ObservedRule[] = []) {
  return obstructedPeers(PEERS, sampleNode().subnets, { foreign, rules });
}

describe("a peer is named whose subnet a route of others leads to", () => {
  test.each([
    ["the whole of it", route("10.244.2.0/24"), "10.244.2.0/24 dev cni0 proto 2"],
    ["a part of it", route("10.244.2.64/26", { iface: null, protocol: 12 }), "10.244.2.64/26 by no single"],
    ["in IPv6", route("fd00:10:244:2::/64", { metric: 256 }), "fd00:10:244:2::/64 dev cni0"],
  ])("%s", (_what, foreign, named) => {
    expect(hiddenBy([foreign])).toEqual([
      expect.objectContaining({
        peer: "peer2",
        code: "foreign-route",
        reason: expect.stringContaining(named),
      }),
    ]);
  });

  test("once, whatever parts of it are others'", () => {
    const parts = ["10.244.2.64/26", "10.244.2.0/25", "10.244.2.9/32"].map((dst) => route(dst));
    const [one, ...more] = hiddenBy(parts);
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
  expect(hiddenBy(others)).toEqual([]);
});

describe("a rule that is asked before the main table", () => {
  const to = (dst: string, iface: string | null = "wg0"): PolicyRoute => ({
    dst: parsePrefix(dst),
    iface,
    isThrow: false,
  });
  const handingBack = (dst: string): PolicyRoute => ({ ...to(dst, null), isThrow: true });
  const rule = (over: Partial<ObservedRule>): ObservedRule => ({
    family: "v4",
    priority: 100,
    table: 51,
    source: null,
    destination: null,
    routes: [to("0.0.0.0/0")],
    ...over,
  });
  const named = (over: Partial<ObservedRule>) => hiddenBy([], [rule(over)]).map(({ peer }) => peer);

  test("hides the peers that its table leads elsewhere", () => {
    expect(hiddenBy([], [rule({})])).toEqual([
      expect.objectContaining({
        peer: "peer2",
        family: "v4",
        code: "foreign-rule",
        reason: expect.stringContaining("priority 100, table 51, 0.0.0.0/0 dev wg0"),
      }),
      expect.objectContaining({ peer: "peer3" }),
    ]);
  });

  test.each<[string, Partial<ObservedRule>]>([
    ["to a part of its subnet", { routes: [to("10.244.2.64/26")] }],
    ["for packets to it", { destination: parsePrefix("10.244.2.0/24") }],
    ["of this node's pods", { source: parsePrefix("10.244.1.0/25"), routes: [to("10.244.2.0/24")] }],
    ["that refuses", { destination: parsePrefix("10.244.2.7/32"), table: null, routes: null }],
    ["that hands all but it back", { routes: [to("0.0.0.0/0"), handingBack("10.244.3.0/24")] }],
  ])("%s", (_what, over) => {
    expect(named(over)).toEqual(["peer2"]);
  });

  test.each<[string, Partial<ObservedRule>]>([
    ["for other sources", { source: parsePrefix("192.0.2.7/32") }],
    ["to elsewhere", { destination: parsePrefix("192.0.2.0/24") }],
    ["whose table knows nothing of it", { routes: [to("192.0.2.0/24")] }],
    ["whose table hands pods back", { routes: [to("0.0.0.0/0"), handingBack("10.244.0.0/16")] }],
    ["with a copy of our routes", { routes: [to("0.0.0.0/0"), to("10.244.0.0/16", "flannel.1")] }],
    ["of the other family", { family: "v6", routes: [to("fd00:9::/64")] }],
  ])("hides nobody: one %s", (_what, over) => {
    expect(named(over)).toEqual([]);
  });
});

test("the log names each once, and says when it has passed", () => {
  const log = new RecordingLog();
  const obstructions = new ObstructionLog(log);
  const hidden = hiddenBy([route("10.244.2.0/24")]);
  for (const present of [hidden, hidden, [], []]) obstructions.report(present);
  expect(log.lines.map(({ message }) => message)).toEqual([
    "peer diverted by a foreign route or rule",
    "peer no longer diverted",
  ]);
});

test("many at once are named by their number", () => {
  const log = new RecordingLog();
  const peers = Array.from({ length: 100 }, (_, number) => samplePeer(number + 2));
  new ObstructionLog(log).report(
    obstructedPeers(peers, null, {
      foreign: peers.map(({ subnets }) => route(subnets.v4 ?? "")),
      rules: [],
    }),
  );
  expect(log.lines).toHaveLength(17);
});
