/** Snapshots from a real etcd: nothing is missed, whatever happens to the connection or to the history. */
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { TcpProxy } from "../../src/lab/tcp-proxy.ts";
import { EtcdBed, PREFIX, SUBNETS } from "../support/etcd-bed.ts";
import { content, flannelValue, network, nodeIp, request, V4 } from "../support/lease-fixtures.ts";

const value = (index: number) => flannelValue(nodeIp(index));
const key = (index: number) => `10.5.${index}.0-24`;

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

async function readThroughProxy(timing = {}) {
  const proxy = await bed.proxy();
  const store = bed.store({ endpoints: [`http://127.0.0.1:${proxy.port}`] }, timing);
  const reader = bed.reader(store);
  await reader.until(() => true);
  return { proxy, store, reader };
}

async function compact(): Promise<void> {
  const { header } = await bed.client.put(`${PREFIX}/other`).value("x");
  await bed.client.kv.compact({ revision: header.revision, physical: true });
}

describe("snapshots", () => {
  test("hold this node's own lease and everybody's changes, in bursts", async () => {
    const store = bed.store();
    const reader = bed.reader(store);
    const held = await store.acquire(request(V4, content(nodeIp(1)), { v4: null, v6: null }), stop.signal);
    await reader.untilKeys([held.lease.key]);
    const before = reader.count;
    const others = Array.from({ length: 50 }, (_, index) => key(index + 100)).filter(
      (k) => k !== held.lease.key,
    );
    for (const [index, other] of others.entries()) await bed.put(other, value(index + 100));
    await reader.untilKeys([held.lease.key, ...others]);
    expect(reader.count - before).toBeLessThan(others.length / 2);
    expect(reader.latest?.leases.find((lease) => lease.key === held.lease.key)).toEqual(held.lease);
  });

  test("see a change within 200 ms", async () => {
    const reader = bed.reader(bed.store());
    await reader.untilKeys([]);
    await bed.put(key(1), value(1));
    expect(await reader.untilKeys([key(1)])).toBeLessThan(200);
    await bed.put(key(1), value(2));
    expect(await reader.until(({ leases }) => leases[0]?.publicIps.v4 === nodeIp(2))).toBeLessThan(200);
    await bed.client.delete().key(SUBNETS + key(1));
    expect(await reader.untilKeys([])).toBeLessThan(200);
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
    await sleep(200);
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
  test("cut at 200 random moments costs no peer", { timeout: 60_000 }, async () => {
    const { proxy, reader } = await readThroughProxy();
    const lists = await bed.requests("Range");
    const present = new Set<number>();
    let isOver = false;
    const writing = (async () => {
      for (let round = 0; !isOver; round++) {
        const index = (round * 37) % 250;
        if (present.delete(index)) await bed.client.delete().key(SUBNETS + key(index));
        else {
          present.add(index);
          await bed.put(key(index), value(index));
        }
      }
    })();
    for (let cuts = 0; cuts < 200; ) {
      await sleep(Math.random() * 100);
      if (proxy.cut()) cuts++;
    }
    isOver = true;
    await writing;
    const rightMs = await reader.untilKeys([...present].map(key));
    console.log(
      `200 cuts: right ${rightMs.toFixed(0)} ms after the last, ${(await bed.requests("Range")) - lists} lists`,
    );
    expect(rightMs).toBeLessThan(2000);
  });

  test("cut while the history is compacted away is right within 5 s, with a list per 5 s at most", {
    timeout: 60_000,
  }, async () => {
    const { proxy, reader } = await readThroughProxy();
    const lists = await bed.requests("Range");
    const startedMs = performance.now();
    const times: number[] = [];
    for (let round = 1; round <= 3; round++) {
      proxy.refuse();
      await bed.put(key(round), value(round));
      await bed.client.delete().key(SUBNETS + key(round - 1));
      await compact();
      await sleep(100);
      proxy.restore();
      times.push(await reader.untilKeys([key(round)], 8_000));
    }
    const spentMs = performance.now() - startedMs;
    const listed = (await bed.requests("Range")) - lists;
    console.log(
      `compaction: right after ${times.map((ms) => `${ms.toFixed(0)} ms`).join(", ")}; ${listed} lists`,
    );
    expect(Math.max(...times)).toBeLessThan(5_500);
    expect(listed).toBeLessThanOrEqual(Math.ceil(spentMs / 5_000));
  });

  test("compacted under an idle watch does no harm", async () => {
    const reader = bed.reader(bed.store());
    await reader.untilKeys([]);
    await compact();
    await bed.put(key(1), value(1));
    expect(await reader.untilKeys([key(1)])).toBeLessThan(200);
  });

  test("that goes dark without a word is given up and replaced", { timeout: 30_000 }, async () => {
    const { proxy, reader } = await readThroughProxy({ keepaliveMs: 6_000, keepaliveTimeoutMs: 1_000 });
    proxy.freeze();
    await bed.put(key(1), value(1));
    await sleep(8_000);
    expect(reader.keys).toEqual([]);
    unfreezeNewOnes(proxy);
    const rightMs = await reader.untilKeys([key(1)], 10_000);
    console.log(`dark connection: right ${rightMs.toFixed(0)} ms after the path was back`);
    expect(rightMs).toBeLessThan(8_000);
  });

  /** The path works again for new connections, and nobody is told about the old ones. */
  function unfreezeNewOnes(proxy: TcpProxy): void {
    proxy.restore({ cutsFrozen: false });
  }

  test("to an etcd that is killed and started again goes on", { timeout: 30_000 }, async () => {
    const store = bed.store();
    const reader = bed.reader(store);
    const held = await store.acquire(request(V4, content(nodeIp(1))), stop.signal);
    const kept = store.keep(held, stop.signal).catch(() => "kept");
    await reader.untilKeys([held.lease.key]);
    await bed.server.kill();
    await sleep(2_000);
    expect(reader.keys).toEqual([held.lease.key]);
    await bed.server.resume();
    await bed.put(key(250), value(250));
    const rightMs = await reader.untilKeys([held.lease.key, key(250)].sort());
    console.log(`etcd restarted: right ${rightMs.toFixed(0)} ms after it was back`);
    const outages = bed.log.warnings().filter(({ message }) => message.startsWith("etcd does not answer"));
    expect(outages.length).toBeLessThan(30);
    stop.abort();
    expect(await kept).toBe("kept");
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
