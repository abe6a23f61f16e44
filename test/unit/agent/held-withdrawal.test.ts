/** The store stops listing most peers: their routes stay until another reading confirms that they have gone. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { eventually } from "../../support/eventually.ts";
import { clusterOfOne, type FakeNode } from "../../support/fake-node.ts";
import { content, lease } from "../../support/lease-fixtures.ts";
import type { MemoryCluster } from "../../support/memory-store.ts";

const PEERS = [11, 12, 13, 14];
const HOST_GW = { type: "host-gw", data: { v4: null, v6: null } };
const key = (number: number) => `10.244.${number}.0-24`;
let cluster: MemoryCluster;
let node: FakeNode;

beforeEach(async () => {
  ({ cluster, node } = await clusterOfOne({ Type: "host-gw" }));
  join(PEERS);
  await node.startUntilReady();
  await eventually(routes).toEqual(PEERS);
});
afterEach(() => node.remove());

function join(numbers: readonly number[]): void {
  for (const number of numbers)
    cluster.putOther(lease(key(number), cluster.nextClaim(), content(`192.0.2.${number}`, null, HOST_GW)));
  cluster.announce();
}
function leave(numbers: readonly number[]): void {
  for (const number of numbers) cluster.leases.delete(key(number));
  cluster.announce();
}
const routes = () =>
  node.kernel.routes
    .map(({ dst }) => /^10\.244\.(\d+)\.0\/24$/.exec(dst))
    .flatMap((match) => (match === null ? [] : Number(match[1])))
    .sort((one, other) => one - other);
const lines = () =>
  node.log.lines.flatMap(({ fields, message }) => (fields.op === "withdraw-peers" ? message : []));
const notes = () => node.notes.list().flatMap(({ topic, reason }) => (topic === "withdrawal" ? reason : []));

describe("most peers at once", () => {
  it("go after about a second when they have left, with a line when it begins and when it ends", async () => {
    cluster.away = "holds";
    leave([12, 13, 14]);
    join([15]);
    await eventually(routes).toEqual([...PEERS, 15]);
    await eventually(lines).toEqual(["mass withdrawal held back until it is confirmed"]);
    expect(notes()).toEqual([expect.stringMatching(/no longer lists 3 of [45] peers/)]);
    expect(node.readiness.reasons()).toEqual([]);
    cluster.away = null;
    cluster.announce();
    await eventually(routes).toEqual([11, 15]);
    expect(lines()).toEqual(["mass withdrawal held back until it is confirmed", "mass withdrawal ended"]);
    expect(notes()).toEqual([]);
    expect(node.report.withdrawals).toEqual({ heldBack: 0, begun: 1, withdrawn: 3, returned: 0 });
  });

  it("stay while a reading still lists them, and go when none does", async () => {
    cluster.hidden = [...cluster.leases.values()].filter(({ owner }) => owner === null);
    leave(PEERS);
    await eventually(notes).toEqual([expect.stringContaining("still lists 4 of them")]);
    await node.clock.sleep(600_000);
    expect(routes()).toEqual(PEERS);
    expect(lines()).toHaveLength(1);
    cluster.hidden = [];
    await eventually(routes).toEqual([]);
  });

  it("stay while the store does not answer", async () => {
    cluster.away = "refuses";
    leave(PEERS);
    await eventually(notes).toEqual([expect.stringContaining("nobody answers")]);
    await node.clock.sleep(600_000);
    expect(routes()).toEqual(PEERS);
    expect(node.readiness.reasons()).toEqual([]);
    cluster.away = null;
    await eventually(routes).toEqual([]);
  });

  it("stay in a store without a network configuration, which has lost its data", async () => {
    const { configuration } = cluster;
    cluster.configuration = null;
    leave(PEERS);
    await eventually(notes).toEqual([expect.stringContaining("no network configuration")]);
    await node.clock.sleep(600_000);
    expect(routes()).toEqual(PEERS);
    // The nodes claim their leases again.
    join(PEERS);
    await eventually(notes).toEqual([]);
    expect(routes()).toEqual(PEERS);
    cluster.configuration = configuration;
  });
});

it("half of the peers go at once", async () => {
  leave([11, 12]);
  await eventually(routes).toEqual([13, 14]);
  expect(lines()).toEqual([]);
});

describe("most of the peers that an earlier daemon has programmed", () => {
  const others = () => [...cluster.leases.values()].filter(({ owner }) => owner === null);

  it("stay, and are planned as another reading lists them, though the first snapshot lacks them", async () => {
    cluster.hidden = others();
    await node.kill();
    leave(PEERS);
    node.start();
    await eventually(notes).toEqual([expect.stringContaining("still lists 4 of them")]);
    await eventually(() => node.readiness.reasons()).toEqual([]);
    expect(routes()).toEqual(PEERS);
    cluster.hidden = [];
    await eventually(routes).toEqual([]);
  });

  it("do not include the node itself, whose lease may be gone", async () => {
    leave(PEERS);
    await eventually(routes).toEqual([]);
    await node.kill();
    cluster.leases.clear();
    const before = lines();
    node.start();
    await eventually(() => node.readiness.reasons()).toEqual([]);
    expect(lines()).toEqual(before);
  });

  it("go when another reading confirms the first snapshot", async () => {
    await node.kill();
    leave(PEERS);
    node.start();
    await eventually(lines).toEqual([
      "mass withdrawal held back until it is confirmed",
      "mass withdrawal ended",
    ]);
    await eventually(routes).toEqual([]);
    await eventually(() => node.readiness.reasons()).toEqual([]);
    expect(node.report.withdrawals).toEqual({ heldBack: 0, begun: 1, withdrawn: 4, returned: 0 });
  });
});
