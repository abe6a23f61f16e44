/**
 * Everybody reaches everybody over the UDP backend, whatever each node is able to do. An ordinary run takes a sample in
 * which every two values of the matrix meet, with one node of either kind; the long run alone takes every row, with two of
 * each.
 */
import { afterEach, expect, test } from "vitest";
import { Lab } from "../../src/lab/lab.ts";
import { describeMesh } from "../../src/lab/mesh.ts";
import { FAMILIES } from "../../src/net/index.ts";
import { readStatus, readUdpCounters } from "../support/node-pages.ts";
import { everyRow, pairwise } from "../support/pairwise.ts";
import { isLongRun, nodeOf, TWEED } from "../support/test-lab.ts";
import { transfer } from "../support/traffic.ts";

const NAME = "e2eudp";
const NODES = isLongRun ? 4 : 2;
/** Few enough to wait in the queues of a daemon that a busy machine does not let run. */
const COUNT = 10;
/** Thousands of packets, so that they go as super-packets wherever they can. */
const TRANSFER_BYTES = isLongRun ? 20_000_000 : 5_000_000;

const MATRIX = {
  odd: ["offloads", "none"],
  even: ["offloads", "none"],
  queuesOfEven: [1, 2],
  store: ["file", "etcd"],
  families: ["v4", "v6", "dual"],
} as const;

type Row = (typeof ROWS)[number];
const ROWS = isLongRun ? everyRow(MATRIX) : pairwise(MATRIX);

afterEach(() => Lab.down(NAME));

const TITLE = "$odd with $even, $queuesOfEven queues, $store, $families";

test.each(ROWS)(`${TITLE}: no ping is lost, TCP arrives as it was sent`, async (row) => {
  const { store, families } = row;
  const numbers = Array.from({ length: NODES }, (_, index) => index + 1);
  const lab = await Lab.up(
    { name: NAME, backend: { Type: "udp" }, store, families, nodes: NODES },
    {
      tweed: TWEED,
      extraFlags: [],
      nodeFlags: Object.fromEntries(numbers.map((number) => [`node${number}`, flagsOf(number, row)])),
    },
  );
  const mesh = await lab.ping({ count: COUNT, intervalMs: 10 });
  expect(mesh.lost, describeMesh(mesh)).toBe(0);
  const lanes = families === "dual" ? 2 : 1;
  expect(mesh.pairs).toHaveLength((NODES * (NODES - 1) + NODES * NODES) * lanes);

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

  for (const [node, offloads, queues] of [
    [first, row.odd, 1],
    [second, row.even, row.queuesOfEven],
  ] as const) {
    const isPlain = offloads === "none";
    const counters = await readUdpCounters(node);
    expect(counters["super-packets"] > 0, `${node.name} works on super-packets`).toBe(!isPlain);
    const { dataplane } = await readStatus(node);
    expect(dataplane).toMatchObject({
      peers: NODES - 1,
      threads: 2 * queues,
      tunOffload: isPlain ? "none" : expect.stringMatching(/^tso/),
      steppedDown: [],
      workerDeaths: 0,
    });
  }
});

function flagsOf(number: number, { odd, even, queuesOfEven }: Row): string[] {
  const [offloads, queues] = number % 2 === 1 ? [odd, 1] : [even, queuesOfEven];
  return [
    ...(offloads === "none" ? ["--udp-offload=off"] : []),
    ...(queues === 1 ? [] : [`--udp-queues=${queues}`]),
  ];
}
