/** How one store follows all Nodes: what is read again, what is not, and what is said about it. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { MAX_OBJECT_BYTES } from "../../../src/lease/kubernetes/large-object.ts";
import type { LeaseSnapshot } from "../../../src/lease/lease.ts";
import type { JsonObject } from "../../../src/runtime/json.ts";
import { PREFIX, SingleStore } from "./single-store.ts";

let bed: SingleStore;
let seen: LeaseSnapshot[];
beforeEach(async () => {
  bed = new SingleStore();
  seen = [];
  for (const index of [1, 2]) put(index);
  follow(bed.signal);
  await seconds(2);
  bed.sent.length = 0;
});
afterEach(() => bed.close());

const seconds = (count: number) => bed.clock.sleep(count * 1_000);
const keys = () =>
  seen
    .at(-1)
    ?.leases.map(({ key, publicIps }) => `${key} ${publicIps.v4}`)
    .sort();
const INITIAL = ["n1 192.0.2.1", "n2 192.0.2.2"];

function follow(signal: AbortSignal): void {
  (async () => {
    for await (const snapshot of bed.store.snapshots(signal)) seen.push(snapshot);
  })().catch(() => undefined);
}

/** A flannel peer's Node. */
function put(index: number): void {
  const own = { "kube-subnet-manager": "true", "public-ip": `192.0.2.${index}`, "backend-type": "host-gw" };
  const annotations = Object.fromEntries(Object.entries(own).map(([name, text]) => [PREFIX + name, text]));
  bed.put(`n${index}`, { podCidrs: [`10.244.${index}.0/24`], annotations });
}

function publish(index: number, ip: string): void {
  bed.patch(`n${index}`, { metadata: { annotations: { [`${PREFIX}public-ip`]: ip } } });
}

/** Gives a Node more images than are read, or the few that it had. */
function setLarge(name: string, isLarge: boolean): void {
  const node = bed.server.standIn.nodes.get(name);
  const images = isLarge ? [{ names: ["x".repeat(MAX_OBJECT_BYTES)] }] : [];
  if (node !== null) bed.server.standIn.nodes.put({ ...node, status: { images } });
}

/** What the store does not see at once. */
async function unseen(act: () => void): Promise<void> {
  bed.link.cut = "rejecting";
  await seconds(40);
  act();
  bed.link.cut = null;
  await seconds(30);
}

const messages = () => bed.log.lines.map(({ message }) => message);

test("all are listed once, and then watched", async () => {
  bed.sent.length = 0;
  expect(keys()).toEqual(INITIAL);
  put(3);
  publish(2, "192.0.2.9");
  bed.delete("n1");
  await seconds(2);
  expect(keys()).toEqual(["n2 192.0.2.9", "n3 192.0.2.3"]);
  expect([bed.requests(), bed.log.lines]).toEqual([[], []]);
});

test("heartbeats are not taken for changes", async () => {
  const before = seen.length;
  for (let round = 0; round < 20; round++) {
    for (const name of ["n1", "n2"])
      bed.patchStatus(name, {
        status: { conditions: [{ type: "Ready", status: "True", reason: `${round}` }] },
      });
    await seconds(10);
  }
  expect(seen).toHaveLength(before);
});

test("a watch lasts five to ten minutes, and resumes after the last event", async () => {
  await seconds(60 * 60);
  const watches = bed.requests();
  expect(watches.length).toBeGreaterThanOrEqual(6);
  expect(watches.length).toBeLessThanOrEqual(12);
  for (const line of watches) {
    const query = new URL(line.replace("GET ", "http://host")).searchParams;
    expect([query.get("watch"), query.get("allowWatchBookmarks")]).toEqual(["1", "true"]);
    expect(Number(query.get("timeoutSeconds"))).toBeGreaterThanOrEqual(300);
    expect(Number(query.get("timeoutSeconds"))).toBeLessThan(600);
    expect(Number(query.get("resourceVersion"))).toBeGreaterThan(1_000_000_000);
  }
  expect(messages()).toEqual([]);
});

describe("a version that has expired", () => {
  test("is listed again, and what was deleted, changed and made meanwhile is seen", async () => {
    await unseen(() => {
      bed.delete("n1");
      publish(2, "192.0.2.9");
      put(3);
      bed.server.standIn.compact();
    });
    expect(keys()).toEqual(["n2 192.0.2.9", "n3 192.0.2.3"]);
    expect(bed.log.lines.find(({ message }) => message === "listing nodes again")).toMatchObject({
      level: "info",
      fields: { op: "watch nodes", code: "store-expired", reason: expect.stringContaining("watch nodes: ") },
    });
    // One question for the server's version, as the watch has broken.
    const lists = bed.requests().filter((line) => !/watch=|limit=1$/.test(line));
    expect(lists).toEqual([
      expect.stringMatching(
        /^GET \/api\/v1\/nodes\?resourceVersion=\d{10}&resourceVersionMatch=NotOlderThan$/,
      ),
    ]);
  });

  test("costs one listing in five seconds at most", async () => {
    const times: number[] = [];
    bed.server.onRequest = (_host, { path }) => {
      if (!path.includes("watch=")) times.push(bed.clock.nowMs());
    };
    for (let round = 0; round < 60; round++) {
      publish(2, `192.0.2.${100 + round}`);
      bed.server.standIn.expire();
      await seconds(1);
    }
    await seconds(10);
    const gaps = times.slice(1).map((ms, index) => ms - (times[index] ?? 0));
    expect(times.length).toBeGreaterThan(5);
    const isPaced = gaps.every((ms) => ms >= 4_990);
    expect(isPaced).toBe(true);
    expect(keys()).toEqual(["n1 192.0.2.1", "n2 192.0.2.159"]);
  });

  test("in another history is named, once", async () => {
    const backup = bed.server.standIn.nodes.backUp();
    put(3);
    await seconds(2);
    bed.server.standIn.restore(backup, 100_000);
    await seconds(200);
    expect(keys()).toEqual(INITIAL);
    const rewinds = bed.log.warnings().filter(({ message }) => message.includes("restored"));
    expect(rewinds).toMatchObject([
      { message: "API server was restored to an earlier state", fields: { op: "list nodes" } },
    ]);
    expect(messages()).toContain("listing nodes from etcd");
    expect(bed.requests()).toContain("GET /api/v1/nodes?limit=500");
  });
});

describe("what follows a broken watch without a permission", () => {
  test("is tried again, ever more seldom, with the right's name", async () => {
    bed.server.access.refusal = { status: 403 };
    bed.server.breakWatches();
    await seconds(300);
    const refusals = bed.log.warnings().filter(({ message }) => message === "nodes not watched, will retry");
    expect(refusals.length).toBeGreaterThan(8);
    expect(refusals.length).toBeLessThan(30);
    expect(refusals[0]).toMatchObject({
      fields: {
        op: "read the version of nodes",
        code: "store-auth",
        reason: expect.stringContaining("the daemon's role has to allow get and list on nodes"),
      },
    });
    bed.server.access.refusal = null;
    publish(2, "192.0.2.9");
    await seconds(40);
    expect(keys()).toEqual(["n1 192.0.2.1", "n2 192.0.2.9"]);
  });
});

describe("a Node that is too large", () => {
  const junk = () => seen.at(-1)?.junk.map(({ key, reason }) => `${key}: ${reason}`);

  test("is skipped by its name while it is, with its size", async () => {
    setLarge("n2", true);
    await seconds(2);
    expect(keys()).toEqual(["n1 192.0.2.1"]);
    expect(junk()).toEqual([
      expect.stringMatching(/^n2: .*its Node has \d{7} bytes, at most 8388608 are read$/),
    ]);
    const before = seen.length;
    setLarge("n2", true);
    publish(1, "192.0.2.8");
    await seconds(2);
    expect(seen).toHaveLength(before + 1);
    setLarge("n2", false);
    await seconds(2);
    expect([keys(), junk()]).toEqual([["n1 192.0.2.8", "n2 192.0.2.2"], []]);
  });

  test("is gone when it is deleted, by the watch and by a list", async () => {
    setLarge("n2", true);
    await seconds(2);
    bed.delete("n2");
    await seconds(2);
    expect([keys(), junk()]).toEqual([["n1 192.0.2.1"], []]);
    put(3);
    setLarge("n3", true);
    await unseen(() => bed.server.standIn.compact());
    expect(junk()).toHaveLength(1);
    await unseen(() => {
      bed.delete("n3");
      bed.server.standIn.compact();
    });
    expect([keys(), junk()]).toEqual([["n1 192.0.2.1"], []]);
  });
});

test("the watch ends with its last reader, and resumes with the next one without a list", async () => {
  await bed.close();
  bed = new SingleStore();
  seen = [];
  put(1);
  const first = new AbortController();
  const second = new AbortController();
  for (const { signal } of [first, second]) follow(signal);
  await seconds(2);
  first.abort(new Error("stopped"));
  await seconds(2);
  put(2);
  await seconds(2);
  expect(keys()).toEqual(INITIAL);
  second.abort(new Error("stopped"));
  await seconds(2);
  expect([...bed.link.exchanges]).toEqual([]);
  put(3);
  bed.sent.length = 0;
  follow(bed.signal);
  await seconds(2);
  expect(keys()).toEqual([...INITIAL, "n3 192.0.2.3"]);
  expect(bed.requests()).toEqual([expect.stringContaining("watch=1")]);
});

test.each<[string, JsonObject]>([
  ["no list", { metadata: {} }],
  ["a list without a version", { metadata: { resourceVersion: 7 }, items: [] }],
])("%s is an outage", async (_what, answer) => {
  await bed.close();
  bed = new SingleStore();
  put(1);
  let isWrong = true;
  const transmit = bed.link.transmit.bind(bed.link);
  bed.link.transmit = (exchange, arrive) =>
    transmit(exchange, () => {
      if (!isWrong) return arrive();
      exchange.begin(200, {});
      exchange.write(JSON.stringify(answer));
      exchange.end();
    });
  const failure = bed.store.list(bed.signal).catch((error: unknown) => error);
  expect(await failure).toMatchObject({
    code: "store-unavailable",
    message: "list nodes: the answer has no resourceVersion",
  });
  isWrong = false;
  await bed.store.list(bed.signal);
});
