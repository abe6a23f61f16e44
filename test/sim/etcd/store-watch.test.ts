/** How one store follows the leases in etcd: what is read again, and what is not. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { LeaseSnapshot } from "../../../src/lease/lease.ts";
import { isJsonObject } from "../../../src/runtime/json.ts";
import { nodeIp } from "../../support/lease-fixtures.ts";
import { CONFIG_KEY, hostOf, SingleEtcdStore, SUBNETS } from "./single-store.ts";

const HOST = hostOf(1);
let bed: SingleEtcdStore;
let newest: LeaseSnapshot | null;
beforeEach(async () => {
  bed = new SingleEtcdStore();
  await bed.begin();
  newest = null;
  for (const third of [1, 2]) bed.put(`10.5.${third}.0-24`, value(third));
  (async () => {
    for await (const snapshot of bed.store.snapshots(bed.signal)) newest = snapshot;
  })().catch(() => undefined);
  await seconds(5);
});
afterEach(() => bed.close());

const value = (third: number) => `{"PublicIP":"${nodeIp(third)}"}`;
const seconds = (count: number) => bed.clock.sleep(count * 1_000);
const seen = () => newest?.leases.map(({ key, publicIps }) => `${key} ${publicIps.v4}`).sort();
const listings = () => bed.requests.filter((method) => method === "range").length;
/** Why it listed again, in order. */
const reasons = () =>
  bed.log.lines
    .filter(({ message }) => message === "listing etcd again")
    .map(({ level, fields }) => [level, fields.op, fields.code]);
const OP = `watch ${SUBNETS}`;
const INITIAL = ["10.5.1.0-24 192.0.2.1", "10.5.2.0-24 192.0.2.2"];

/** From a copied data directory: the cluster has the same id. */
const restore = () => bed.etcd.network.restart(() => bed.etcd.server.restore(false));

/** What the store does not see at once. */
async function unseen(act: () => void): Promise<void> {
  bed.etcd.partition(HOST, true);
  await seconds(30);
  act();
  bed.etcd.partition(HOST, false);
  await seconds(30);
}

test("all leases are read once, and then each change", async () => {
  expect(seen()).toEqual(INITIAL);
  const before = listings();
  bed.put("10.5.3.0-24", value(3));
  bed.put("10.5.2.0-24", value(9));
  bed.delete(`${SUBNETS}10.5.1.0-24`);
  await seconds(2);
  expect(seen()).toEqual(["10.5.2.0-24 192.0.2.9", "10.5.3.0-24 192.0.2.3"]);
  expect([listings(), reasons()]).toEqual([before, []]);
});

describe("a watch that breaks", () => {
  test("resumes, and misses nothing", async () => {
    const before = listings();
    for (let round = 3; round < 10; round++) {
      await unseen(() => {
        bed.put(`10.5.${round}.0-24`, value(round));
        if (round > 3) bed.delete(`${SUBNETS}10.5.${round - 1}.0-24`);
      });
      expect(seen()).toEqual([...INITIAL, `10.5.${round}.0-24 192.0.2.${round}`]);
    }
    expect([listings(), reasons()]).toEqual([before, []]);
  });

  test("resumes where the newest entry of the listing is not its last key", async () => {
    await unseen(() => {
      for (const third of [2, 1]) bed.put(`10.5.${third}.0-24`, value(7));
      bed.delete(CONFIG_KEY);
      bed.etcd.compact();
    });
    expect(reasons()).toEqual([["info", OP, "store-compacted"]]);
    bed.etcd.breakWatches();
    await seconds(10);
    bed.put("10.5.3.0-24", value(3));
    await seconds(2);
    expect([seen()?.length, reasons().length]).toEqual([3, 1]);
  });

  test("resumes though its history is compacted, where nothing has changed: one key is read", async () => {
    const before = listings();
    await unseen(() => {
      bed.delete(CONFIG_KEY);
      bed.etcd.compact();
    });
    expect([listings() - before, reasons()]).toEqual([1, []]);
    bed.put("10.5.3.0-24", value(3));
    await seconds(2);
    expect(seen()).toHaveLength(3);
  });

  const changes: readonly (readonly [string, () => void, number])[] = [
    ["written", () => bed.put("10.5.2.0-24", value(9)), 2],
    ["deleted", () => bed.delete(`${SUBNETS}10.5.2.0-24`), 1],
    ["made anew", () => makeAnew("10.5.2.0-24"), 2],
  ];
  const makeAnew = (key: string) => {
    bed.delete(SUBNETS + key);
    bed.put(key, value(9));
  };

  test.each(changes)(
    "lists again where its last key was %s and the history compacted",
    async (_how, change, leases) => {
      await unseen(() => {
        change();
        bed.delete(CONFIG_KEY);
        bed.etcd.compact();
      });
      expect(reasons().at(-1)).toEqual(["info", OP, "store-compacted"]);
      expect(seen()).toHaveLength(leases);
      // The newest entry of the list is older than the history: its key is read once, and then the watch's entry counts.
      const before = listings();
      for (const third of [4, 5]) await unseen(() => bed.put(`10.5.${third}.0-24`, value(third)));
      expect([listings() - before, seen()?.length]).toEqual([1, leases + 2]);
    },
  );

  test.each(changes.slice(0, 2))(
    "lists again where only the change of its last key, %s, is left",
    async (_how, change, leases) => {
      await unseen(() => {
        change();
        bed.etcd.compact();
      });
      const again = bed.log.lines.filter(({ message }) => message === "listing etcd again");
      expect(again.map(({ fields }) => fields.reason)).toEqual([
        expect.stringMatching(/etcd has compacted revision \d+, and 10\.5\.2\.0-24 has changed since$/),
      ]);
      expect(seen()).toHaveLength(leases);
    },
  );

  test("lists again in another history, also one that has reached its revision", async () => {
    bed.etcd.backup();
    bed.put("10.5.3.0-24", value(3));
    await seconds(2);
    expect(seen()).toHaveLength(3);
    restore();
    for (let count = 0; count < 5; count++) bed.put("10.5.2.0-24", value(20 + count));
    await seconds(30);
    expect(seen()).toEqual(["10.5.1.0-24 192.0.2.1", "10.5.2.0-24 192.0.2.24"]);
    expect(reasons()).toEqual([["info", OP, "store-rewound"]]);
  });

  test("lists again in another history that has its last entry with another value", async () => {
    bed.etcd.backup();
    bed.put("10.5.2.0-24", value(3));
    await seconds(2);
    restore();
    bed.put("10.5.2.0-24", value(4));
    bed.delete(CONFIG_KEY);
    await seconds(30);
    expect(seen()).toEqual(["10.5.1.0-24 192.0.2.1", "10.5.2.0-24 192.0.2.4"]);
    expect(reasons()).toEqual([["info", OP, "store-rewound"]]);
  });

  describe("after a listing that is newer than every entry, as one was deleted", () => {
    const configure = () => bed.etcd.configure('{"Network":"10.5.0.0/16"}');
    beforeEach(async () => {
      bed.etcd.backup();
      await unseen(() => {
        bed.delete(`${SUBNETS}10.5.1.0-24`);
        configure();
        bed.etcd.compact();
      });
      expect([seen(), reasons()]).toEqual([["10.5.2.0-24 192.0.2.2"], [["info", OP, "store-compacted"]]]);
    });

    test("resumes", async () => {
      bed.etcd.breakWatches();
      await seconds(10);
      bed.put("10.5.3.0-24", value(3));
      await seconds(300);
      expect([seen(), reasons().length]).toEqual([["10.5.2.0-24 192.0.2.2", "10.5.3.0-24 192.0.2.3"], 1]);
    });

    test.each<[string, () => void, readonly string[]]>([
      [
        "wrote another lease then",
        () => bed.put("10.5.3.0-24", value(3)),
        [...INITIAL, "10.5.3.0-24 192.0.2.3"],
      ],
      ["deleted another lease then", () => bed.delete(`${SUBNETS}10.5.2.0-24`), ["10.5.1.0-24 192.0.2.1"]],
    ])("lists again in a history that %s", async (_what, change, leases) => {
      restore();
      change();
      for (let count = 0; count < 3; count++) configure();
      await seconds(30);
      expect(seen()).toEqual(leases);
      expect(reasons()[1]).toEqual(["info", OP, "store-rewound"]);
    });

    test("lists again in a history that did not delete it, when the leases are counted", async () => {
      restore();
      for (let count = 0; count < 3; count++) configure();
      await seconds(300);
      expect(seen()).toEqual(INITIAL);
      expect(reasons()[1]).toEqual(["info", OP, "store-silent"]);
    });
  });

  test("resumes after a listing though etcd repeats more changes than one response holds", async () => {
    bed.etcd.silenceWatch(HOST, true);
    bed.put("10.5.1.0-24", value(7));
    for (let count = 0; count < 600; count++) {
      bed.put("10.5.200.0-24", value(8));
      bed.delete(`${SUBNETS}10.5.200.0-24`);
    }
    await seconds(300);
    expect(reasons()).toEqual([["info", OP, "store-silent"]]);
    bed.etcd.silenceWatch(HOST, false);
    bed.etcd.breakWatches();
    await seconds(30);
    expect([seen(), reasons().length]).toEqual([["10.5.1.0-24 192.0.2.7", "10.5.2.0-24 192.0.2.2"], 1]);
  });

  test("lists in pieces what is larger than a message", async () => {
    bed.etcd.network.maxAnswerBytes = 4_000;
    await unseen(() => {
      for (let count = 0; count < 40; count++)
        bed.put("10.5.3.0-24", `{"PublicIP":"${nodeIp(3)}","Pad":"${"x".repeat(200)}"}`);
    });
    expect(reasons()).toEqual([["info", OP, "store-answer-too-large"]]);
    expect(seen()).toHaveLength(3);
  });
});

describe("a watch that is silent", () => {
  test.each<[string, () => void, number]>([
    ["a write", () => bed.put("10.5.3.0-24", value(3)), 3],
    ["a change", () => bed.put("10.5.2.0-24", value(9)), 2],
    ["a deletion", () => bed.delete(`${SUBNETS}10.5.1.0-24`), 1],
  ])("is noticed by %s", async (_what, change, leases) => {
    bed.put("10.5.7.0-24", value(7));
    bed.delete(`${SUBNETS}10.5.7.0-24`);
    await seconds(2);
    bed.etcd.silenceWatch(HOST, true);
    change();
    await seconds(60);
    expect(reasons()).toEqual([]);
    await seconds(240);
    expect(reasons()[0]).toEqual(["info", OP, "store-silent"]);
    expect(seen()).toHaveLength(leases);
  });

  test("is not suspected where nothing changes", async () => {
    bed.put("10.5.2.0-24", value(9));
    bed.put("10.5.3.0-24", value(3));
    bed.delete(`${SUBNETS}10.5.1.0-24`);
    await seconds(3_600);
    expect(reasons()).toEqual([]);
  });

  test("is not suspected where keys are no text", async () => {
    for (const byte of [0xfe, 0xff])
      bed.putBytes(Buffer.concat([Buffer.from(SUBNETS), Buffer.of(byte)]), value(3));
    await seconds(3_600);
    expect([reasons(), newest?.junk.map(({ key }) => key)]).toEqual([[], ["\uD800fe", "\uD800ff"]]);
  });
});

test("an outage costs few requests, and no listing afterwards", async () => {
  bed.etcd.setAway(true);
  await seconds(120);
  const before = listings();
  bed.etcd.setAway(false);
  await seconds(30);
  bed.put("10.5.3.0-24", value(3));
  await seconds(2);
  expect(seen()).toHaveLength(3);
  expect(listings()).toBe(before);
});

test("listings are at least five seconds apart", async () => {
  const times: number[] = [];
  const wholes: number[] = [];
  bed.beforeRequest = (method, request) => {
    if (method !== "range") return;
    times.push(bed.clock.nowMs());
    if (isJsonObject(request) && request.range_end !== undefined) wholes.push(bed.clock.nowMs());
  };
  for (let round = 0; round < 5; round++) {
    bed.put("10.5.2.0-24", value(30 + round));
    bed.etcd.compact();
    bed.etcd.breakWatches();
    bed.put("10.5.2.0-24", value(40 + round));
    bed.etcd.compact();
    await seconds(1);
  }
  await seconds(60);
  const whole = reasons().length;
  expect(whole).toBeGreaterThan(0);
  expect(times.length).toBeLessThanOrEqual(2 * whole);
  const gaps = wholes.slice(1).map((atMs, index) => atMs - (wholes[index] ?? 0));
  // As etcd receives them, some milliseconds after they were sent.
  expect(Math.min(...gaps)).toBeGreaterThan(4_900);
  expect(seen()).toContain("10.5.2.0-24 192.0.2.44");
});
