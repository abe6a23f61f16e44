/** The real store of daemons on the simulated API server, through each of its faults, in simulated time. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { LeaseContent } from "../../../src/lease/lease.ts";
import { parseIpv4 } from "../../../src/net/index.ts";
import type { Refusal } from "../../support/kube-api/access-control.ts";
import { content, nodeIp, VXLAN } from "../../support/lease-fixtures.ts";
import { seededRandom } from "../../support/seeded-random.ts";
import { NodeClock, SimulatedTime } from "../../support/simulated-time.ts";
import { SimulatedKubeStore } from "./simulated-kube-store.ts";
import { StoreDaemon } from "./store-daemon.ts";

let time: SimulatedTime;
let store: SimulatedKubeStore;
let daemons: StoreDaemon[];

beforeEach(async () => {
  time = new SimulatedTime();
  store = new SimulatedKubeStore({ time, random: seededRandom(1) });
  store.configure('{"Network":"10.244.0.0/16","Backend":{"Type":"vxlan"}}');
  daemons = [1, 2, 3].map((index) => daemon(index));
  for (const [index, each] of daemons.entries()) await each.start(store, parseIpv4(nodeIp(index + 1)));
  await seconds(10);
});
afterEach(async () => {
  store.heal();
  await Promise.all(daemons.map((each) => each.stop()));
});

function daemon(index: number): StoreDaemon {
  return new StoreDaemon(`node${index}`, published(index), time, index);
}

function published(index: number, type = "vxlan"): LeaseContent {
  return content(nodeIp(index), null, { ...VXLAN, type });
}

const seconds = (count: number) => new NodeClock(time).sleep(count * 1_000);
const offers = ({ snapshot }: StoreDaemon) =>
  Object.fromEntries((snapshot?.leases ?? []).map(({ key, offers: [offer] }) => [key, offer.type]));
const all = (type: string) => ({ node1: "vxlan", node2: "vxlan", node3: type });
const cutOff = (...names: readonly string[]) => {
  for (const name of names) store.partition(name, true);
};
const refuseAll = (refusal: Refusal) => {
  store.server.access.refusal = refusal;
};
const requests = () => {
  const sent: string[] = [];
  store.server.onRequest = (host, { method, path }) => sent.push(`${host} ${method} ${path}`);
  return sent;
};

function third(): StoreDaemon {
  const [, , last] = daemons;
  if (last === undefined) throw new RangeError("there are three daemons");
  return last;
}

describe("three daemons", () => {
  test("see each other, and what the server has", () => {
    for (const each of daemons) expect(offers(each)).toEqual(all("vxlan"));
    expect(store.leases()).toHaveLength(3);
    expect(daemons.map(({ held }) => held?.key)).toEqual(["node1", "node2", "node3"]);
  });

  test("receive what another publishes within a second", async () => {
    third().publish(published(3, "host-gw"));
    await seconds(1);
    for (const each of daemons) expect(offers(each)).toEqual(all("host-gw"));
  });
});

describe("within ten seconds of its end", () => {
  const faults: readonly (readonly [string, () => void])[] = [
    ["an outage", () => store.setAway(true)],
    ["a hanging server", () => store.hang(true)],
    ["a partition of everybody else", () => cutOff("node1", "node2")],
    ["answers 500", () => refuseAll({ status: 500 })],
    ["answers 429", () => refuseAll({ status: 429, retryAfter: "1" })],
  ];
  test.each(faults)("after %s everything is received", async (_title, begin) => {
    begin();
    await seconds(120);
    third().publish(published(3, "host-gw"));
    await seconds(1);
    store.heal();
    await seconds(12);
    for (const each of daemons) expect(offers(each)).toEqual(all("host-gw"));
    expect(daemons.map(({ losses }) => losses)).toEqual([0, 0, 0]);
  });
});

test("during an outage a daemon asks once in ten seconds", async () => {
  store.setAway(true);
  await seconds(5);
  const sent = requests();
  await seconds(100);
  for (const { name } of daemons) {
    const own = sent.filter((line) => line.startsWith(`${name} `)).length;
    expect([9, 10, 11]).toContain(own);
  }
});

describe("a watch", () => {
  test("that lags delivers later, in order", async () => {
    store.delayWatch("node1", 4_000);
    third().publish(published(3, "host-gw"));
    await seconds(1);
    const [first, second] = daemons.map(offers);
    expect([first, second]).toEqual([all("vxlan"), all("host-gw")]);
    await seconds(4);
    expect(daemons.map(offers)[0]).toEqual(all("host-gw"));
  });

  test("that turns silent breaks after 90 s, and a list follows when the next one is silent too", async () => {
    store.silenceWatch("node1", true);
    third().publish(published(3, "host-gw"));
    await seconds(160);
    expect(daemons.map(offers)[0]).toEqual(all("vxlan"));
    await seconds(40);
    expect(daemons.map(offers)[0]).toEqual(all("host-gw"));
  });

  test("that breaks, in mid-object too, misses nothing", async () => {
    for (let round = 0; round < 20; round++) {
      store.breakWatches();
      third().publish(published(3, round % 2 === 0 ? "host-gw" : "ipip"));
      await seconds(15);
      for (const each of daemons) expect(offers(each)).toEqual(all(round % 2 === 0 ? "host-gw" : "ipip"));
    }
  });

  test("whose version was compacted meanwhile is followed by a list", async () => {
    store.partition("node1", true);
    await seconds(40);
    third().publish(published(3, "host-gw"));
    await seconds(1);
    store.compact();
    store.heal();
    const sent = requests();
    await seconds(20);
    expect(daemons.map(offers)[0]).toEqual(all("host-gw"));
    expect(
      sent.some(
        (line) => line.startsWith("node1 GET /api/v1/nodes?resourceVersion=") && !line.includes("watch="),
      ),
    ).toBe(true);
  });
});

describe("a rewind", () => {
  test("is noticed by the silence of the watch, and the own lease is written again", async () => {
    store.backup();
    third().publish(published(3, "host-gw"));
    await seconds(5);
    store.restore();
    expect(store.leases().map(({ offers: [offer] }) => offer.type)).not.toContain("host-gw");
    await seconds(110);
    for (const each of daemons) expect(offers(each)).toEqual(all("host-gw"));
  });
});

describe("credentials", () => {
  test("that are rotated are read again, with few requests", async () => {
    const sent = requests();
    store.rotateCredentials();
    third().publish(published(3, "host-gw"));
    await seconds(15);
    for (const each of daemons) expect(offers(each)).toEqual(all("host-gw"));
    expect(sent.length).toBeLessThan(20);
  });

  test("without a permission leave the rest working", async () => {
    store.forbid("node3", "patch nodes/status");
    third().publish(published(3, "host-gw"));
    await seconds(30);
    expect(offers(third())).toEqual(all("vxlan"));
    store.forbid("node3", null);
    await seconds(15);
    for (const each of daemons) expect(offers(each)).toEqual(all("host-gw"));
  });
});

test("a Node that is registered again with another podCIDR gets a lease for it", async () => {
  const before = third().held?.subnets.v4;
  store.releaseLease("node3");
  await seconds(20);
  expect(third().held?.subnets.v4).not.toBe(before);
  expect(third().losses).toBe(1);
  for (const each of daemons) {
    const seen = each.snapshot?.leases.find(({ key }) => key === "node3");
    expect(seen?.subnets).toEqual(third().held?.subnets);
  }
});

test("a Node that is too large to read is skipped alone", async () => {
  const { nodes } = store.server.standIn;
  const node = nodes.get("node2");
  if (node === null) throw new Error("there is a Node of each daemon");
  nodes.put({ ...node, status: { images: [{ names: ["x".repeat(9 * 2 ** 20)] }] } });
  third().publish(published(3, "host-gw"));
  await seconds(5);
  const [first] = daemons;
  expect(first?.snapshot?.leases.map(({ key }) => key).sort()).toEqual(["node1", "node3"]);
  expect(first?.snapshot?.junk.map(({ key }) => key)).toEqual(["node2"]);
});

test("a daemon whose own Node is too large to list holds its lease over a restart", async () => {
  const { nodes } = store.server.standIn;
  const node = nodes.get("node3");
  if (node === null) throw new Error("there is a Node of each daemon");
  nodes.put({ ...node, status: { images: [{ names: ["x".repeat(9 * 2 ** 20)] }] } });
  third().kill();
  const next = daemon(3);
  daemons.push(next);
  await next.start(store, parseIpv4(nodeIp(3)));
  await seconds(60);
  expect(next.held?.key).toBe("node3");
  expect(next.losses).toBe(0);
});

test("a list from a cache that lags takes nothing back", async () => {
  store.server.standIn.lagCache();
  third().publish(published(3, "host-gw"));
  await seconds(5);
  const seen = new Set<string>();
  const stop = time.onIdle;
  time.onIdle = () => {
    stop();
    for (const each of daemons) seen.add(offers(each).node3 ?? "");
  };
  store.server.standIn.expire();
  await seconds(60);
  expect([...seen]).toEqual(["host-gw"]);
  for (const each of daemons) expect(each.log.text()).not.toContain("restored to an earlier state");
});

test("patches that conflict are repeated", async () => {
  store.server.conflict("node3", 3);
  third().publish(published(3, "host-gw"));
  await seconds(15);
  for (const each of daemons) expect(offers(each)).toEqual(all("host-gw"));
});

test("what a killed daemon had not sent yet is never sent", async () => {
  third().publish(published(3, "host-gw"));
  third().kill();
  await seconds(5);
  expect(store.leases().map(({ offers: [offer] }) => offer.type)).not.toContain("host-gw");
});

describe("what random histories and reading found", () => {
  test("a list that expires between two pages does not hide a rewind", async () => {
    store.backup();
    third().publish(published(3, "host-gw"));
    await seconds(5);
    store.restore();
    // Pages have two to five Nodes, and a compaction comes between any two of them.
    for (let index = 4; index < 12; index++) store.nodes.start(`node${index}`, null);
    let compactions = 0;
    store.server.onRequest = (host, { path }) => {
      if (host !== "node3" || !path.includes("continue=") || compactions === 3) return;
      compactions += 1;
      store.server.admin("PATCH", "/api/v1/nodes/node4", {
        metadata: { labels: { turn: `${compactions}` } },
      });
      store.server.standIn.compact();
    };
    await seconds(150);
    expect(compactions).toBe(3);
    for (const each of daemons) expect(offers(each)).toEqual(all("host-gw"));
  });

  test("a watch that lags behind a new Node does not make it look deleted", async () => {
    store.delayWatch("node3", 4_000);
    store.releaseLease("node3");
    const sent = requests();
    await seconds(30);
    expect(third().losses).toBe(1);
    expect(sent.filter((line) => line.startsWith("node3 ")).length).toBeLessThan(20);
  });
});
