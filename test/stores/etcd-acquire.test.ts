/** Acquiring, keeping and losing leases on a real etcd. */
import { setMaxListeners } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { EtcdStore } from "../../src/lease/etcd/store.ts";
import type { LeaseContent } from "../../src/lease/lease.ts";
import { overlaps } from "../../src/net/index.ts";
import { EtcdBed, PREFIX, SUBNETS } from "../support/etcd-bed.ts";
import {
  content,
  flannelValue,
  network,
  nodeIp,
  request,
  subnets,
  TWENTY,
  TWENTY_DUAL,
  V4,
  VXLAN,
} from "../support/lease-fixtures.ts";

const V6_ONLY = network({
  EnableIPv4: false,
  EnableIPv6: true,
  IPv6Network: "fc00::/48",
});

let bed: EtcdBed;
beforeAll(async () => {
  bed = await EtcdBed.start();
});
afterAll(() => bed.teardown());

/** Ends whatever a test left waiting. */
let stop: AbortController;
beforeEach(() => {
  stop = new AbortController();
  setMaxListeners(0, stop.signal);
});
afterEach(async () => {
  stop.abort();
  await bed.clear();
});

describe("a first lease", () => {
  test("is written as flannel writes it, with a day to live", async () => {
    const held = await bed.store().acquire(request(V4, content(nodeIp(1))), stop.signal);
    const stored = await bed.get(held.lease.key);
    expect(stored?.value).toBe(
      '{"PublicIP":"192.0.2.1","PublicIPv6":null,"BackendType":"vxlan",' +
        '"BackendData":{"VNI":1,"VtepMAC":"0e:52:a1:00:00:07"}}',
    );
    const { TTL } = await bed.client.leaseClient.leaseTimeToLive({ ID: stored?.leaseId ?? "" });
    expect(Number(TTL)).toBeGreaterThan(86_390);
    expect(held.expiresAtMs).toBeCloseTo(performance.now() + 86_400_000, -4);
  });

  test("lies between SubnetMin and SubnetMax and overlaps nobody's, whatever its length", async () => {
    await bed.put("10.5.0.0-20", flannelValue(nodeIp(9)));
    const held = await bed.store().acquire(request(TWENTY, content(nodeIp(1))), stop.signal);
    expect(["10.5.16.0-24", "10.5.17.0-24", "10.5.18.0-24", "10.5.19.0-24", "10.5.20.0-24"]).toContain(
      held.lease.key,
    );
  });

  test("is the previous subnet when that is free", async () => {
    const wanted = subnets("10.5.34.0-24");
    const held = await bed.store().acquire(request(V4, content(nodeIp(1)), wanted), stop.signal);
    expect(held.lease.key).toBe("10.5.34.0-24");
  });

  test("is another when the previous subnet is somebody else's", async () => {
    await bed.put("10.5.34.0-24", flannelValue(nodeIp(9)));
    const wanted = subnets("10.5.34.0-24");
    const held = await bed.store().acquire(request(V4, content(nodeIp(1)), wanted), stop.signal);
    expect(held.lease.key).not.toBe("10.5.34.0-24");
    expect((await bed.get("10.5.34.0-24"))?.value).toBe(flannelValue(nodeIp(9)));
  });

  test("is refused, with what to do, when the network is full", async () => {
    for (let index = 1; index <= 20; index++)
      await bed.put(`10.5.${index}.0-24`, flannelValue(nodeIp(index)));
    const acquired = bed.store().acquire(request(TWENTY, content(nodeIp(99))), stop.signal);
    await expect(acquired).rejects.toMatchObject({
      code: "out-of-subnets",
      message: expect.stringMatching(/10\.5\.0\.0\/16.*delete leases/),
    });
  });
});

describe("a lease from an earlier life", () => {
  test("is kept over a restart, and nothing is written when nothing changed", async () => {
    const first = await bed.store().acquire(request(V4, content(nodeIp(1))), stop.signal);
    const before = await bed.get(first.lease.key);
    const txns = await bed.requests("Txn");
    const again = await bed.store().acquire(request(V4, content(nodeIp(1))), stop.signal);
    expect(again.lease).toEqual(first.lease);
    expect(await bed.get(first.lease.key)).toEqual(before);
    expect(await bed.requests("Txn")).toBe(txns);
    expect(again.expiresAtMs).not.toBeNull();
  });

  test("gets what is published now", async () => {
    const store = bed.store();
    const first = await store.acquire(request(V4, content(nodeIp(1))), stop.signal);
    const changed: LeaseContent = content(nodeIp(1), null, { type: "host-gw", data: { v4: null, v6: null } });
    const again = await store.acquire(request(V4, changed), stop.signal);
    expect(again.lease.key).toBe(first.lease.key);
    expect(again.lease.claimedAt).toBe(first.lease.claimedAt);
    expect((await bed.get(first.lease.key))?.value).toBe(flannelValue(nodeIp(1)));
  });

  test("is taken over from flannel with its time to live", async () => {
    const { ID } = await bed.client.leaseClient.leaseGrant({ TTL: 1000 });
    await bed.client
      .put(`${SUBNETS}10.5.77.0-24`)
      .value(flannelValue(nodeIp(1)))
      .lease(ID);
    const held = await bed.store().acquire(request(V4, content(nodeIp(1))), stop.signal);
    expect(held.lease.key).toBe("10.5.77.0-24");
    expect((await bed.get("10.5.77.0-24"))?.leaseId).toBe(ID);
    expect((held.expiresAtMs ?? 0) - performance.now()).toBeLessThan(1_000_001);
  });

  test("that no longer fits the network is replaced and deleted, other nodes' are not", async () => {
    const { ID } = await bed.client.leaseClient.leaseGrant({ TTL: 1000 });
    await bed.client
      .put(`${SUBNETS}10.99.7.0-24`)
      .value(flannelValue(nodeIp(1)))
      .lease(ID);
    await bed.client
      .put(`${SUBNETS}10.99.8.0-24`)
      .value(flannelValue(nodeIp(2)))
      .lease(ID);
    await bed.put("10.99.9.0-24", flannelValue(nodeIp(1)));
    const held = await bed.store().acquire(request(V4, content(nodeIp(1))), stop.signal);
    expect(await bed.keys()).toEqual([held.lease.key, "10.99.8.0-24", "10.99.9.0-24"].sort());
  });

  test("is found before anything is acquired", async () => {
    await bed.put("10.5.7.0-24", flannelValue(nodeIp(2)));
    const { content: published, previousSubnets } = request(V4, content(nodeIp(1)));
    const previous = () => bed.store().previous({ content: published, previousSubnets }, stop.signal);
    expect(await previous()).toBeNull();
    await bed.store().acquire(request(V4, content(nodeIp(1))), stop.signal);
    expect((await previous())?.offers).toEqual([VXLAN]);
  });
});

describe("a reservation", () => {
  test("is used, and still has no time to live after the daemon was restarted on it", async () => {
    await bed.put("10.5.50.0-24", flannelValue(nodeIp(1)));
    for (let life = 0; life < 2; life++) {
      const store = bed.store();
      const held = await store.acquire(request(V4, content(nodeIp(1))), stop.signal);
      expect(held.lease.key).toBe("10.5.50.0-24");
      expect(held.expiresAtMs).toBeNull();
      const stored = await bed.get("10.5.50.0-24");
      expect(stored?.leaseId).toBe("0");
      expect(stored?.value).toContain("vxlan");
      await store.close();
    }
  });
});

describe("many daemons at once", () => {
  const start = (count: number) => Array.from({ length: count }, () => bed.store());

  test("20 on exactly 20 subnets get one each", async () => {
    const held = await Promise.all(
      start(20).map((store, index) =>
        store.acquire(request(TWENTY, content(nodeIp(index + 1))), stop.signal),
      ),
    );
    expect(new Set(held.map((each) => each.lease.key)).size).toBe(20);
    expect(await bed.keys()).toHaveLength(20);
  });

  test("20 on exactly 20 subnets of each family get one of each", async () => {
    const held = await Promise.all(
      start(20).map((store, index) =>
        acquireUntilDone(store, content(nodeIp(index + 1), `2001:db8::${index + 1}`)),
      ),
    );
    expect(new Set(held.map((each) => each.lease.subnets.v4)).size).toBe(20);
    expect(new Set(held.map((each) => each.lease.subnets.v6)).size).toBe(20);
    expect(await bed.keys()).toHaveLength(20);
  });

  test("two that want the same subnet get two different ones", async () => {
    const wanted = subnets("10.5.34.0-24");
    const held = await Promise.all(
      start(2).map((store, index) =>
        store.acquire(request(V4, content(nodeIp(index + 1)), wanted), stop.signal),
      ),
    );
    const [one, two] = held.map((each) => each.lease.subnets.v4);
    if (!one || !two) throw new Error("a subnet is missing");
    expect(overlaps(one, two)).toBe(false);
    expect([one, two]).toContain("10.5.34.0/24");
  });

  test("no etcd lease is left over from lost races", async () => {
    const before = (await bed.client.leaseClient.leaseLeases()).leases.length;
    const held = await Promise.all(
      start(5).map((store, index) =>
        store.acquire(request(V4, content(nodeIp(index + 1)), subnets("10.5.34.0-24")), stop.signal),
      ),
    );
    expect((await bed.client.leaseClient.leaseLeases()).leases.length - before).toBe(held.length);
  });

  /** As the agent does: a full network may be one in which others are about to give a subnet back. */
  async function acquireUntilDone(store: EtcdStore, published: LeaseContent) {
    for (;;) {
      try {
        return await store.acquire(request(TWENTY_DUAL, published), stop.signal);
      } catch (error) {
        if ((error as { code?: string }).code !== "out-of-subnets") throw error;
        await sleep(20);
      }
    }
  }
});

describe("an IPv6-only network", () => {
  test("nodes do not take each other's lease for their own", async () => {
    const first = await bed.store().acquire(request(V6_ONLY, content(null, "2001:db8::1")), stop.signal);
    const second = await bed.store().acquire(request(V6_ONLY, content(null, "2001:db8::2")), stop.signal);
    expect(first.lease.key).toMatch(/^0\.0\.0\.0-0&fc00:0:0:[0-9a-f]+::-64$/);
    expect(second.lease.subnets.v6).not.toBe(first.lease.subnets.v6);
    const again = await bed.store().acquire(request(V6_ONLY, content(null, "2001:db8::2")), stop.signal);
    expect(again.lease.key).toBe(second.lease.key);
    expect((await bed.get(first.lease.key))?.value).toContain(
      '{"PublicIP":"0.0.0.0","PublicIPv6":"2001:db8::1"',
    );
  });
});

describe("a held lease", () => {
  const SHORT = { leaseTtlSeconds: 2, requestTimeoutMs: 1000 };

  test("is renewed past its time to live, and runs out without its daemon", { timeout: 20_000 }, async () => {
    const store = bed.store({}, SHORT);
    const held = await store.acquire(request(V4, content(nodeIp(1))), stop.signal);
    const keeping = new AbortController();
    const kept = store.keep(held, keeping.signal);
    await sleep(5_000);
    expect(await bed.keys()).toEqual([held.lease.key]);
    keeping.abort(new Error("stopping"));
    await expect(kept).rejects.toThrow("stopping");
    await expect.poll(() => bed.keys(), { timeout: 8_000, interval: 200 }).toEqual([]);
  });

  test.for([
    ["deleted", (key: string) => bed.client.delete().key(SUBNETS + key), /deleted or has expired/],
    ["taken", (key: string) => bed.put(key, flannelValue(nodeIp(2))), /rewritten by somebody else/],
  ] as const)("is given up within a second when it is %s, and acquired again", async ([, lose, reason]) => {
    const store = bed.store();
    const held = await store.acquire(request(V4, content(nodeIp(1))), stop.signal);
    const kept = store.keep(held, stop.signal);
    await sleep(200);
    await lose(held.lease.key);
    const lostAtMs = performance.now();
    expect(await kept).toMatch(reason);
    expect(performance.now() - lostAtMs).toBeLessThan(1000);
    const again = await store.acquire(request(V4, content(nodeIp(1))), stop.signal);
    expect((await bed.get(again.lease.key))?.value).toContain(nodeIp(1));
  });

  test("is not lost by publishing on it while it is kept", async () => {
    const store = bed.store();
    let held = await store.acquire(request(V4, content(nodeIp(1))), stop.signal);
    let isLost = false;
    const kept = store.keep(held, stop.signal).then(
      () => {
        isLost = true;
      },
      () => undefined,
    );
    for (let vni = 2; vni < 30; vni++) {
      const offer = { type: "vxlan", data: { v4: { VNI: vni }, v6: null } };
      held = await store.acquire(request(V4, content(nodeIp(1), null, offer)), stop.signal);
    }
    await sleep(300);
    expect(isLost).toBe(false);
    expect((await bed.get(held.lease.key))?.value).toContain('"VNI":29');
    stop.abort();
    await kept;
  });

  test("never overwrites a new owner after a pause longer than its life", { timeout: 20_000 }, async () => {
    const proxy = await bed.proxy();
    const endpoints = [`http://127.0.0.1:${proxy.port}`];
    const store = bed.store({ endpoints }, { ...SHORT, keepaliveMs: 1000, keepaliveTimeoutMs: 500 });
    const held = await store.acquire(request(V4, content(nodeIp(1))), stop.signal);
    const kept = store.keep(held, stop.signal);
    proxy.freeze();
    await expect.poll(() => bed.keys(), { timeout: 10_000, interval: 100 }).toEqual([]);
    await bed.put(held.lease.key, flannelValue(nodeIp(2)));
    proxy.restore();
    expect(await kept).toMatch(/rewritten|deleted/);
    expect((await bed.get(held.lease.key))?.value).toBe(flannelValue(nodeIp(2)));
    const again = await store.acquire(request(V4, content(nodeIp(1))), stop.signal);
    expect(again.lease.key).not.toBe(held.lease.key);
  });

  test("survives a store that is away", { timeout: 20_000 }, async () => {
    const proxy = await bed.proxy();
    const store = bed.store({ endpoints: [`http://127.0.0.1:${proxy.port}`] });
    const held = await store.acquire(request(V4, content(nodeIp(1))), stop.signal);
    let outcome = "kept";
    const kept = store.keep(held, stop.signal).then(
      (reason) => {
        outcome = reason;
      },
      () => undefined,
    );
    await sleep(300);
    proxy.refuse();
    await sleep(2000);
    proxy.restore();
    await sleep(1500);
    expect(outcome).toBe("kept");
    stop.abort();
    await kept;
  });
});

describe("configurations", () => {
  test("come as they are written, and are waited for", async () => {
    const configurations = bed.store().configurations(stop.signal);
    const first = configurations.next();
    await expect.poll(() => bed.log.text()).toContain("there is no network configuration");
    await bed.client.put(`${PREFIX}/config`).value('{"Network":"10.1.0.0/16"}');
    expect((await first).value).toBe('{"Network":"10.1.0.0/16"}');
    const second = configurations.next();
    await bed.client.put(`${PREFIX}/config`).value('{"Network":"10.1.0.0/16"}');
    await bed.client.put(`${PREFIX}/config`).value('{"Network":"10.2.0.0/16"}');
    expect((await second).value).toBe('{"Network":"10.2.0.0/16"}');
  });
});
