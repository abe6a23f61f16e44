/** Snapshots from a real etcd: nothing is missed, whatever happens to the connection or to the history. */
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { ETCD_TIMING } from "../../src/lease/etcd/timing.ts";
import { systemClock } from "../../src/runtime/clock.ts";
import { EtcdBed, PREFIX, SUBNETS } from "../support/etcd-bed.ts";
import { eventually } from "../support/eventually.ts";
import { content, flannelValue, network, nodeIp, request, V4 } from "../support/lease-fixtures.ts";
import { isLongRun } from "../support/long-run.ts";
import { MaintainedLease } from "../support/maintained-lease.ts";
import { VirtualClock } from "../support/virtual-clock.ts";

const value = (index: number) => flannelValue(nodeIp(index));
const key = (index: number) => `10.5.${index}.0-24`;
const CUTS = isLongRun ? 200 : 20;
const QUICK = { requestTimeoutMs: 2_000, keepaliveMs: 300, keepaliveTimeoutMs: 300 };

let bed: EtcdBed;
beforeAll(async () => {
  bed = await EtcdBed.start();
});
afterAll(() => bed.teardown());
let stop: AbortController;
beforeEach(() => {
  stop = new AbortController();
});
afterEach(async () => {
  stop.abort();
  await bed.clear();
});

async function readThroughProxy(timing = {}, clock = systemClock) {
  const proxy = await bed.proxy();
  const store = bed.store({ endpoints: [`http://127.0.0.1:${proxy.port}`] }, timing, clock);
  const reader = bed.reader(store);
  await reader.until(() => true);
  return { proxy, reader };
}

async function compact(): Promise<void> {
  const { header } = await bed.client.put(`${PREFIX}/other`).value("x");
  await bed.client.kv.compact({ revision: header.revision, physical: true });
}

describe("snapshots", () => {
  test("hold this node's own lease and everybody's changes", async () => {
    const store = bed.store();
    const reader = bed.reader(store);
    const held = await store.acquire(request(V4, content(nodeIp(1)), { v4: null, v6: null }), stop.signal);
    await reader.untilKeys([held.lease.key]);
    const others = Array.from({ length: 10 }, (_, index) => key(index + 100)).filter(
      (other) => other !== held.lease.key,
    );
    for (const [index, other] of others.entries()) await bed.put(other, value(index + 100));
    await reader.untilKeys([held.lease.key, ...others]);
    expect(reader.latest?.leases.find((lease) => lease.key === held.lease.key)).toEqual(held.lease);
  });

  test("are one for all that changed together", async () => {
    const reader = bed.reader(bed.store());
    await reader.untilKeys([]);
    const { count } = reader;
    const keys = Array.from({ length: 50 }, (_, index) => key(index));
    const success = keys.map((each, index) => ({
      request_put: { key: Buffer.from(SUBNETS + each), value: Buffer.from(value(index)) },
    }));
    await bed.client.kv.txn({ compare: [], success });
    await reader.untilKeys(keys);
    expect(reader.count).toBe(count + 1);
  });

  test("follow what is created, changed and deleted, without a listing", async () => {
    const reader = bed.reader(bed.store());
    await reader.untilKeys([]);
    const lists = await bed.requests("Range");
    await bed.put(key(1), value(1));
    await reader.untilKeys([key(1)]);
    await bed.put(key(1), value(2));
    await reader.until(({ leases }) => leases[0]?.publicIps.v4 === nodeIp(2));
    await bed.client.delete().key(SUBNETS + key(1));
    await reader.untilKeys([]);
    expect(await bed.requests("Range")).toBe(lists);
  });

  test("name junk keys and junk values once, and lose nobody over them", async () => {
    await bed.put(key(1), value(1));
    await bed.put("junk", value(2));
    const store = bed.store();
    const reader = bed.reader(store);
    await reader.untilKeys([key(1)]);
    const warned = () => bed.log.warnings().filter(({ fields }) => fields.code === "invalid-lease");
    await bed.put(key(2), "no lease");
    await bed.put(key(2), "no lease");
    await bed.put("x".repeat(1000), "");
    await bed.put(key(3), JSON.stringify({ PublicIP: nodeIp(3), Pad: "x".repeat(5000) }));
    await bed.client.put(`${PREFIX}/subnets2/${key(9)}`).value(value(9));
    await bed.put(key(4), value(4));
    await reader.untilKeys([key(1), key(4)]);
    expect(reader.latest?.junk.map((each) => each.key).sort()).toEqual(
      [key(2), key(3), "junk", "x".repeat(1000)].sort(),
    );
    expect(warned().map(({ fields }) => fields.key)).toEqual(["junk", key(2), "x".repeat(200), key(3)]);
    await bed.put(key(2), value(2));
    await reader.untilKeys([key(1), key(2), key(4)]);
    const full = network({ Network: "10.5.0.0/16", SubnetMin: "10.5.3.0", SubnetMax: "10.5.3.0" });
    await expect(store.acquire(request(full, content(nodeIp(7))), stop.signal)).rejects.toMatchObject({
      code: "out-of-subnets",
    });
  });
});

describe("a connection", () => {
  test(`cut at ${CUTS} random moments costs no peer and no listing`, async () => {
    const { proxy, reader } = await readThroughProxy();
    const lists = await bed.requests("Range");
    const present = new Set<number>();
    let round = 0;
    const writeOne = async () => {
      const index = (round++ * 37) % 250;
      if (present.delete(index)) await bed.client.delete().key(SUBNETS + key(index));
      else {
        present.add(index);
        await bed.put(key(index), value(index));
      }
    };
    for (let cuts = 0; cuts < CUTS; cuts++) {
      // Every other one may come as soon as it has connected.
      if (cuts % 2 === 0) await eventually(() => bed.watchers()).toBe(1);
      const writing = (async () => {
        for (let writes = 0; writes < 8; writes++) await writeOne();
      })();
      await sleep(Math.random() * 30);
      await eventually(() => proxy.cut()).toBe(true);
      await writing;
    }
    await reader.untilKeys([...present].map(key));
    expect(await bed.requests("Range")).toBe(lists);
  });

  test("lost together with the history costs one list, and none sooner than 5 s after the last", async () => {
    const clock = new VirtualClock();
    const { proxy, reader } = await readThroughProxy({}, clock);
    const { listIntervalMs } = ETCD_TIMING;
    const lists = await bed.requests("Range");
    for (let round = 1; round <= 3; round++) {
      proxy.freeze();
      await bed.put(key(round), value(round));
      await bed.client.delete().key(SUBNETS + key(round - 1));
      await compact();
      proxy.restore();
      await reader.untilKeys([key(round)]);
      // And a look at the newest entry alone, from when there is one: etcd confirms a watch before it says "compacted".
      expect(await bed.requests("Range")).toBe(lists + round + (round - 1));
      expect(clock.nowMs()).toBeGreaterThanOrEqual(round * listIntervalMs);
      // Of which the waits before the next try are a part: by then it is right.
      expect(clock.nowMs()).toBeLessThan(round * listIntervalMs + 2_000);
    }
  });

  test("compacted under an idle watch does no harm", async () => {
    const reader = bed.reader(bed.store());
    await reader.untilKeys([]);
    const lists = await bed.requests("Range");
    await compact();
    await bed.put(key(1), value(1));
    await reader.untilKeys([key(1)]);
    expect(await bed.requests("Range")).toBe(lists);
  });

  test("that goes dark without a word is given up and replaced", async () => {
    const { proxy, reader } = await readThroughProxy(QUICK);
    proxy.freeze();
    await bed.put(key(1), value(1));
    await eventually(() => bed.log.text()).toContain("etcd does not answer");
    expect(reader.keys).toEqual([]);
    // The path works again for new connections, and nobody is told about the old ones.
    proxy.restore({ cutsFrozen: false });
    await reader.untilKeys([key(1)]);
  });

  test("to an etcd that is killed and started again goes on", async () => {
    const store = bed.store();
    const reader = bed.reader(store);
    const held = await store.acquire(request(V4, content(nodeIp(1))), stop.signal);
    const kept = new MaintainedLease(store, held, stop.signal);
    await reader.untilKeys([held.lease.key]);
    await bed.server.kill();
    await eventually(() => bed.log.text()).toContain("etcd does not answer");
    expect(reader.keys).toEqual([held.lease.key]);
    await bed.server.resume();
    await bed.put(key(250), value(250));
    await reader.untilKeys([held.lease.key, key(250)]);
    // However many requests failed: its begin, and its end.
    const begins = bed.log.warnings().filter(({ fields }) => fields.durationMs === 0);
    expect(begins.map(({ message }) => message)).toEqual(["etcd does not answer, will retry"]);
    expect(bed.log.lines.at(-1)).toMatchObject({ level: "info", message: "etcd answers again" });
    expect(kept.fate).toBe("kept");
  });

  test("goes to the next endpoint when one is dead, without a word in the log", async () => {
    const lines = bed.log.lines.length;
    const store = bed.store({ endpoints: ["http://127.0.0.1:1", bed.server.endpoint] });
    const reader = bed.reader(store);
    await reader.untilKeys([]);
    await bed.put(key(1), value(1));
    await reader.untilKeys([key(1)]);
    expect(bed.log.lines.length).toBe(lines);
  });
});

describe("a listing", () => {
  test("has every lease, independent of the snapshots", async () => {
    await bed.client.put(`${PREFIX}/config`).value("{}");
    await bed.put(key(1), value(1));
    await bed.put(key(2), "no lease");
    const leases = await bed.store().list(stop.signal);
    expect(leases.map((lease) => lease.key)).toEqual([key(1)]);
    expect(bed.log.warnings()).toEqual([]);
  });

  test("of an etcd without a network configuration fails: it has lost its data", async () => {
    await bed.client.delete().key(`${PREFIX}/config`);
    await expect(bed.store().list(stop.signal)).rejects.toMatchObject({
      code: "store-emptied",
      retryable: true,
    });
  });
});
