/** Everybody reaches everybody over the UDP backend, whatever each node is able to do. */
import { afterEach, expect, test } from "vitest";
import { Lab } from "../../src/lab/lab.ts";
import { describeMesh } from "../../src/lab/mesh.ts";
import type { LabSpec } from "../../src/lab/topology.ts";
import { FAMILIES } from "../../src/net/index.ts";
import { readStatus, readUdpCounters } from "../support/node-pages.ts";
import { nodeOf, TWEED } from "../support/test-lab.ts";
import { transfer } from "../support/traffic.ts";

const NAME = "e2eudp";
const TRANSFER_BYTES = 20_000_000;

interface Case extends Pick<LabSpec, "store" | "families" | "nodes"> {
  readonly title: string;
  readonly flags: readonly string[];
  /** Nodes, by number, that carry each packet by itself. */
  readonly plain: readonly number[];
}

const CASES: readonly Case[] = [
  { title: "offloads", store: "file", families: "v4", nodes: 4, flags: [], plain: [] },
  { title: "none", store: "file", families: "dual", nodes: 4, flags: ["--udp-offload=off"], plain: [] },
  { title: "mixed", store: "etcd", families: "dual", nodes: 4, flags: [], plain: [2, 4] },
  { title: "two queues", store: "etcd", families: "v4", nodes: 4, flags: ["--udp-queues=2"], plain: [2] },
  { title: "mixed", store: "etcd", families: "v6", nodes: 3, flags: [], plain: [2] },
];

afterEach(() => Lab.down(NAME));

test.each(CASES)("$title, $store, $families: no ping is lost, TCP arrives as it was sent", async (each) => {
  const { store, families, nodes } = each;
  const lab = await Lab.up(
    { name: NAME, backend: { Type: "udp" }, store, families, nodes },
    {
      tweed: TWEED,
      extraFlags: each.flags,
      nodeFlags: Object.fromEntries(each.plain.map((number) => [`node${number}`, ["--udp-offload=off"]])),
    },
  );
  const mesh = await lab.ping({ count: 20, intervalMs: 10 });
  expect(mesh.lost, describeMesh(mesh)).toBe(0);
  const lanes = families === "dual" ? 2 : 1;
  expect(mesh.pairs).toHaveLength((nodes * (nodes - 1) + nodes * nodes) * lanes);

  // Between a node with offloads and the first that may have none, both ways.
  const [first, second] = [nodeOf(lab, 1), nodeOf(lab, 2)];
  for (const [from, to] of [
    [first, second],
    [second, first],
  ] as const) {
    const ips = await lab.podIps(to);
    for (const ip of FAMILIES.map((family) => ips[family]).filter((each) => each !== null)) {
      const { sent, received } = await transfer(
        from.podNamespace,
        { namespace: to.podNamespace, ip },
        TRANSFER_BYTES,
      );
      expect(received, `${from.podName} to ${ip}`).toEqual(sent);
    }
  }

  const isPlain = each.plain.includes(2) || each.flags.includes("--udp-offload=off");
  const counters = await readUdpCounters(second);
  expect(counters["super-packets"] > 0, "node2 works on super-packets").toBe(!isPlain);
  const { dataplane } = await readStatus(second);
  expect(dataplane).toMatchObject({
    peers: nodes - 1,
    threads: each.flags.includes("--udp-queues=2") ? 4 : 2,
    tunOffload: isPlain ? "none" : expect.stringMatching(/^tso/),
    steppedDown: [],
    workerDeaths: 0,
  });
});
