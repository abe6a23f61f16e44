/** The real store of three nodes on the simulated etcd, through what happens to an etcd in production. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { parseIpv4 } from "../../../src/net/index.ts";
import { LeaseCluster } from "./lease-cluster.ts";
import { checkConverged } from "./lease-history.ts";
import type { LeaseNode } from "./lease-node.ts";

const STRANGER = parseIpv4("192.0.2.77");
const MINUTE_MS = 60_000;
/** Longer than a lease lives without renewal. */
const EXPIRY_MS = 3 * MINUTE_MS;

let cluster: LeaseCluster;
beforeEach(async () => {
  cluster = new LeaseCluster(1, 3);
  for (const node of cluster.nodes) await node.start();
  await wait(10_000);
});
afterEach(() => cluster.close());

const wait = (ms: number) => cluster.clock.sleep(ms);
const heldKeys = () => cluster.nodes.map((node) => node.held?.key);
const logged = (message: string) =>
  cluster.nodes.filter((node) => node.log.text().includes(message)).map(({ name }) => name);

function first(): LeaseNode {
  const [node] = cluster.nodes;
  if (node === undefined) throw new Error("a cluster without nodes");
  return node;
}

function heldBy(node: LeaseNode): string {
  if (node.held === null) throw new Error(`${node.name} holds no lease`);
  return node.held.key;
}

/** All hold a lease of their own, as etcd has it, and read the same. */
async function expectConverged(): Promise<void> {
  await wait(EXPIRY_MS);
  checkConverged(cluster);
  expect(cluster.oracle.violations).toEqual([]);
}

describe("three nodes", () => {
  test("claim a subnet each, and read of each other", async () => {
    await expectConverged();
    expect(new Set(heldKeys()).size).toBe(3);
    expect(first().snapshot?.leases).toHaveLength(3);
  });

  test("renew for hours, and write nothing", async () => {
    const { revision } = cluster.etcd.server.data.history;
    const keys = heldKeys();
    await wait(180 * MINUTE_MS);
    await expectConverged();
    expect(heldKeys()).toEqual(keys);
    expect(cluster.etcd.server.data.history.revision).toBe(revision);
  });

  test("claim again what an operator releases", async () => {
    cluster.asOperator(() => cluster.etcd.releaseLease(heldBy(first())));
    await expectConverged();
    expect(logged("lease lost, acquiring it again")).toEqual(["node1"]);
  });

  test("keep their leases over an outage that is longer than those live", async () => {
    const keys = heldKeys();
    cluster.etcd.setAway(true);
    await wait(20 * MINUTE_MS);
    expect(heldKeys()).toEqual(keys);
    cluster.etcd.setAway(false);
    await expectConverged();
    expect(heldKeys()).toEqual(keys);
    expect(logged("lease lost, acquiring it again")).toEqual([]);
  });

  test("keep them while etcd hangs, and while it has no leader", async () => {
    const keys = heldKeys();
    cluster.etcd.hang(true);
    await wait(MINUTE_MS);
    cluster.etcd.hang(false);
    cluster.etcd.setLeader(false);
    await wait(EXPIRY_MS);
    cluster.etcd.setLeader(true);
    await expectConverged();
    expect(heldKeys()).toEqual(keys);
  });
});

describe("a node", () => {
  test("that is cut off until its lease has expired learns it afterwards only", async () => {
    const key = heldBy(first());
    cluster.etcd.partition("node1", true);
    await wait(EXPIRY_MS);
    expect(cluster.etcd.leases().map((lease) => lease.key)).not.toContain(key);
    expect(first().held?.key).toBe(key);
    cluster.etcd.partition("node1", false);
    await expectConverged();
    expect(logged("lease lost, acquiring it again")).toEqual(["node1"]);
  });

  test("that was paused does not take its subnet back from its successor", async () => {
    const key = heldBy(first());
    cluster.etcd.network.pause("node1");
    await wait(EXPIRY_MS);
    cluster.asOperator(() => cluster.etcd.reserve(key, STRANGER));
    cluster.etcd.network.resume("node1");
    await expectConverged();
    expect(cluster.etcd.leases().find((lease) => lease.key === key)?.publicIps.v4).toBe(STRANGER);
  });

  test("whose watch lags reads everything in the end", async () => {
    cluster.etcd.delayWatch("node1", 30_000);
    cluster.asOperator(() => cluster.etcd.reserve("10.5.16.0-24", STRANGER));
    await wait(20_000);
    expect(first().snapshot?.leases).toHaveLength(3);
    await wait(20_000);
    expect(first().snapshot?.leases).toHaveLength(4);
  });
});

describe("a watch that is open and silent", () => {
  const releaseOf = (key: string) => cluster.asOperator(() => cluster.etcd.releaseLease(key));

  test.each<[string, () => void, number]>([
    ["a lease that came", () => cluster.etcd.reserve("10.5.16.0-24", STRANGER), 4],
    ["one that went", () => cluster.etcd.releaseLease("10.5.17.0-24"), 2],
  ])("is noticed, and %s is read", async (_what, change, leases) => {
    cluster.asOperator(() => cluster.etcd.reserve("10.5.17.0-24", STRANGER));
    await wait(10_000);
    const before = first().snapshot?.leases.length;
    expect(before).toBe(4);
    cluster.etcd.silenceWatch("node1", true);
    cluster.asOperator(change);
    await wait(30_000);
    expect(first().snapshot?.leases.length).toBe(before);
    // One and a half intervals, and the time for a late change.
    await wait(5 * MINUTE_MS);
    expect(first().snapshot?.leases.length).toBe(leases + 1);
    cluster.etcd.silenceWatch("node1", false);
    releaseOf("10.5.17.0-24");
    await expectConverged();
  });

  test("is not suspected while nothing changes, nor while it delivers", async () => {
    await wait(60 * MINUTE_MS);
    for (let index = 20; index < 40; index++) {
      cluster.asOperator(() => cluster.etcd.reserve(`10.5.${index}.0-24`, STRANGER));
      await wait(MINUTE_MS / 2);
    }
    expect(logged("listing etcd again")).toEqual([]);
  });
});

describe("what a node missed", () => {
  test("while the history was compacted away is listed", async () => {
    cluster.etcd.partition("node1", true);
    await wait(30_000);
    cluster.asOperator(() => cluster.etcd.reserve("10.5.16.0-24", STRANGER));
    cluster.etcd.compact();
    cluster.etcd.partition("node1", false);
    await expectConverged();
    expect(first().snapshot?.leases).toHaveLength(4);
  });

  test("is listed in pieces where it is more than one message holds", async () => {
    cluster.etcd.network.maxAnswerBytes = 4_000;
    cluster.etcd.partition("node1", true);
    await wait(30_000);
    for (let count = 0; count < 40; count++) {
      const value = `{"PublicIP":"192.0.2.77","Pad":"${"x".repeat(100 + count)}"}`;
      const write = { key: "10.5.16.0-24", value, annotations: {} };
      cluster.asOperator(() => cluster.etcd.putRaw("stranger", write));
    }
    cluster.etcd.partition("node1", false);
    await expectConverged();
    expect(first().snapshot?.leases).toHaveLength(4);
  });
});

describe("a backup that is restored", () => {
  test("gets the newest state of each lease written again", async () => {
    cluster.etcd.backup();
    first().publish();
    await wait(5_000);
    const offers = first().held?.offers;
    cluster.restore();
    await expectConverged();
    expect(first().held?.offers).toEqual(offers);
    expect(logged("etcd was restored to an earlier state, lease updated")).toContain("node1");
  });

  test("from before a lease means its loss", async () => {
    cluster.etcd.backup();
    cluster.asOperator(() => cluster.etcd.releaseLease(heldBy(first())));
    await wait(30_000);
    cluster.restore();
    await expectConverged();
  });
});

describe("authentication", () => {
  test("is switched on and off under daemons", async () => {
    const keys = heldKeys();
    const { auth } = cluster.etcd.server.data;
    for (const isEnabled of [true, false, true]) {
      auth.setEnabled(isEnabled);
      cluster.etcd.breakWatches();
      await expectConverged();
    }
    expect(heldKeys()).toEqual(keys);
  });

  test("loses its tokens, and daemons log in again", async () => {
    cluster.etcd.server.data.auth.setEnabled(true);
    cluster.etcd.network.restart();
    await wait(MINUTE_MS);
    cluster.etcd.server.data.auth.invalidateAllTokens();
    first().publish();
    await expectConverged();
    expect(logged("lease lost, acquiring it again")).toEqual([]);
  });
});
